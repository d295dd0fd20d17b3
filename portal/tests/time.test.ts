import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { BookedOut, EventOut, MomentsOut } from "../src/api/schema";
import { NOWHERE } from "../src/state/address";
import { index } from "../src/state/atlas";
import { speedOf, Time, type Means } from "../src/state/moment";
import { bookedReel, measuredReel, pieceOf, unknownReel, type Reel } from "../src/state/reel";
import { Store, type Moment } from "../src/state/store";
import { incidentAt, movesAt, staysOf, touchedBy } from "../src/state/story";
import { count, openAt, turnsOf } from "../src/state/turns";
import { incident, link, network, OPERATOR, sample, service } from "./facts";

const T = Date.parse("2026-01-01T10:00:00.000Z");
const at = (s: number): string => new Date(T + s * 1000).toISOString();

describe("a stretch of what was measured", () => {
  const found: MomentsOut = {
    fabric: "twin",
    rate_scale: 1,
    from: at(0),
    to: at(30),
    step_s: 10,
    links: ["a>b", "b>a"],
    moments: [
      { carried_gbps: [1, null], down: [] },
      { carried_gbps: [2, 3], down: ["b>a"] },
      { carried_gbps: [4, 5], down: [] },
    ],
  };
  it("has each step as long as it lasts, and nothing of what was not measured", () => {
    const reel = measuredReel(found, T, T + 30_000, 10);
    const first = reel.at(T + 9999);
    expect([...first.gbps]).toEqual([["a>b", 1]]);
    expect(reel.at(T)).toBe(first);
    const second = reel.at(T + 10_000);
    expect([[...second.gbps], [...second.down]]).toEqual([[["a>b", 2], ["b>a", 3]], ["b>a"]]);
    expect([second.from_ms, second.until_ms]).toEqual([T + 10_000, T + 20_000]);
    expect([...reel.at(T).gbps]).toEqual([["a>b", 1]]);
  });
});

describe("a stretch of what is booked", () => {
  const found: BookedOut = {
    at: at(0),
    until: at(100),
    links: { "a>b": 1, "b>a": 0 },
    changes: [
      { at: at(10), links: { "a>b": 2 } },
      { at: at(20), links: { "b>a": 7, "a>b": 0 } },
    ],
    closed: [],
  };
  it("changes when it changes, forward and back", () => {
    const reel = bookedReel(found);
    const seen = (s: number): unknown => [...reel.at(T + s * 1000).gbps];
    const whole = [[5, [["a>b", 1], ["b>a", 0]]], [10, [["a>b", 2], ["b>a", 0]]], [19.9, [["a>b", 2], ["b>a", 0]]], [20, [["a>b", 0], ["b>a", 7]]]] as const;
    for (const [s, wanted] of [...whole, ...[...whole].reverse()]) expect(seen(s), String(s)).toEqual(wanted);
    expect(reel.at(T + 12_000)).toBe(reel.at(T + 15_000));
    expect([reel.at(T + 12_000).from_ms, reel.at(T + 12_000).until_ms]).toEqual([T + 10_000, T + 20_000]);
    expect(reel.at(T + 50_000).until_ms).toBe(T + 100_000);
  });
});

it("is read in pieces that an answer has room for, as finely as one can see", () => {
  for (const links of [0, 10, 390, 5000])
    for (const speed of [1, 10, 60, 360, 3600]) {
      const { step_s, span_ms } = pieceOf("measured", speed, links);
      const steps = span_ms / 1000 / step_s;
      expect(links * steps).toBeLessThanOrEqual(400_000);
      // Also of very many links a minute of steps: the next is read long before it is needed.
      expect(steps).toBe(60);
      expect(span_ms / 1000 / speed).toBeGreaterThanOrEqual(14.9);
      expect(step_s).toBeLessThanOrEqual(Math.max(1, 2 * speed));
    }
});

describe("time", () => {
  let store: Store;
  let time: Time;
  let now: number;
  let beats: (() => void)[];
  let delayed: (() => void)[];
  let asked: string[];
  let held: (() => void)[] | null;
  let still: boolean;

  beforeEach(() => {
    vi.stubGlobal("history", { pushState: () => undefined, replaceState: () => undefined });
    vi.stubGlobal("location", { pathname: "/", search: "" });
    [now, beats, delayed, asked, held, still] = [0, [], [], [], null, false];
    store = new Store(OPERATOR);
    store.change({ atlas: index(network({ links: [link("a", "b")] })), sample: sample({ at: at(0) }) });
    const reel = (kind: Moment["kind"], from_ms: number, until_ms: number, step_s: number): Reel =>
      kind === "booked"
        ? bookedReel({ at: new Date(from_ms).toISOString(), until: new Date(until_ms).toISOString(), links: { "a>b": 9 }, changes: [], closed: [] })
        : { ...unknownReel(kind, from_ms, until_ms, step_s), at: (ms) => ({ kind, from_ms: ms, until_ms: ms + 1, gbps: new Map([["a>b", 5]]), down: new Set() }) };
    const means: Means = {
      now: () => now,
      every: (run) => {
        beats.push(run);
        return () => beats.splice(beats.indexOf(run), 1);
      },
      later: (run) => {
        delayed.push(run);
        return () => delayed.splice(delayed.indexOf(run), 1);
      },
      still: () => still,
      instant: (kind, at_ms) => {
        asked.push(`${kind} ${String((at_ms - T) / 1000)}`);
        return Promise.resolve(reel(kind, at_ms, at_ms + 1, 1));
      },
      stretch: (kind, from_ms, until_ms, step_s) => {
        asked.push(`${kind} ${String((from_ms - T) / 1000)}..${String((until_ms - T) / 1000)} by ${String(step_s)}`);
        const answer = reel(kind, from_ms, until_ms, step_s);
        return held === null ? Promise.resolve(answer) : new Promise((done) => held?.push(() => done(answer)));
      },
    };
    time = new Time(store, means);
    time.follow();
  });
  afterEach(() => {
    time.stop();
    vi.unstubAllGlobals();
  });

  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 8; turn += 1) await Promise.resolve();
  };
  const beat = async (ms: number, times = 1): Promise<void> => {
    for (let turn = 0; turn < times; turn += 1) {
      now += ms;
      for (const run of [...beats]) run();
      await settle();
    }
  };
  const wait = async (): Promise<void> => {
    for (const run of delayed.splice(0)) run();
    await settle();
  };
  const shown = (): number | null => (store.at_ms === null ? null : (store.at_ms - T) / 1000);

  it("standing still is read once, when one has stopped dragging", async () => {
    for (const s of [-300, -240, -180]) time.glance(T + s * 1000);
    time.seek(T - 180_000);
    expect(asked).toEqual([]);
    await wait();
    expect(asked).toEqual(["measured -180"]);
    expect(store.moment?.gbps.get("a>b")).toBe(5);
    time.now();
    expect([store.at_ms, store.moment, store.playhead]).toEqual([null, null, null]);
  });

  it("is not read again for whatever else is looked at", async () => {
    time.seek(T - 180_000);
    await wait();
    store.change({ address: { ...store.address, selection: { kind: "link", id: "a>b" } } });
    await wait();
    expect(asked).toEqual(["measured -180"]);
  });

  it("plays when it knows how much there is to be read", async () => {
    const { atlas } = store;
    store.change({ atlas: null, address: { ...NOWHERE, at: at(-600), play: 60 } });
    await beat(100, 3);
    expect([asked, shown()]).toEqual([[], -600]);
    store.change({ atlas });
    await beat(100, 2);
    expect([asked.length, shown()]).toEqual([1, -594]);
  });

  it("to come is what is booked, read again when that changes", async () => {
    time.seek(T + 7_200_000);
    await wait();
    expect(asked).toEqual(["booked 7200"]);
    expect([store.ahead, store.moment?.kind]).toEqual([true, "booked"]);
    store.change({ services: new Map([["s", service("s", "RESERVED")]]) });
    await wait();
    await wait();
    expect(asked).toEqual(["booked 7200", "booked 7200"]);
  });

  it("plays on in stretches, the next one before the last one ends, and waits for none", async () => {
    time.seek(T - 3600_000);
    time.play(60);
    await beat(0);
    await beat(100);
    expect(shown()).toBeCloseTo(-3594);
    expect(asked).toEqual(["measured -3600..-2700 by 15"]);
    await beat(100, 60);
    expect(shown()).toBeCloseTo(-3594 + 360);
    expect(asked).toHaveLength(1);
    await beat(100, 20);
    expect(asked).toEqual(["measured -3600..-2700 by 15", "measured -2700..-1800 by 15"]);
    await beat(100, 100);
    expect(shown()).toBeCloseTo(-3594 + 1080);
    expect(store.waiting).toBe(false);
  });

  it("stands while what comes next is read, and goes on from there", async () => {
    held = [];
    time.seek(T - 3600_000);
    time.play(60);
    await beat(100, 20);
    expect([shown(), store.waiting, asked.length]).toEqual([-3600, true, 1]);
    for (const go of held.splice(0)) go();
    await settle();
    await beat(100);
    expect([shown(), store.waiting]).toEqual([-3594, false]);
  });

  it("writes where it is into the address now and then, and pauses there", async () => {
    time.seek(T - 3600_000);
    time.play(60);
    await beat(0);
    await beat(100, 25);
    const written = (Date.parse(store.address.at ?? "") - T) / 1000;
    expect([-3480, -3486]).toContain(Math.round(written));
    time.pause();
    expect(store.address.play).toBeNull();
    expect(shown()).toBeCloseTo(-3600 + 150);
    expect(beats).toHaveLength(0);
    await beat(100, 5);
    expect(shown()).toBeCloseTo(-3600 + 150);
  });

  it("comes to now and stays there", async () => {
    time.seek(T - 60_000);
    time.play(60);
    await beat(100, 14);
    expect([store.address.at, store.address.play]).toEqual([null, null]);
    expect(beats).toHaveLength(0);
  });

  it("plays what is booked from now on", async () => {
    time.seek(T + 60_000);
    time.play(360);
    await beat(0);
    await beat(100);
    expect(asked).toEqual(["booked 60..7260 by 120"]);
    expect(shown()).toBeCloseTo(96);
    expect(store.moment?.gbps.get("a>b")).toBe(9);
  });

  it("does not begin by itself where motion is not wanted, and goes by the second where one asks for it", async () => {
    still = true;
    store.change({ address: { ...NOWHERE, at: at(-600), play: 60 } });
    await beat(1000, 3);
    expect(shown()).toBe(-600);
    expect(beats).toHaveLength(0);
    store.change({ address: { ...NOWHERE, at: at(-600) } });
    time.play(60);
    await beat(0);
    await beat(1000);
    expect(shown()).toBeCloseTo(-540);
  });

  it("replays an incident from before it, and stops when it has seen it through", async () => {
    const one = incident("i", { opened: at(-1000), closed: at(-900) });
    store.change({ incidents: [one] });
    time.replay(one);
    expect([store.address.play, store.selection?.id, shown()]).toEqual([10, "i", -1030]);
    await beat(0);
    await beat(100, 200);
    expect([store.address.play, shown()]).toEqual([null, -870]);
  });
});

it("a replay takes as long as one looks", () => {
  expect([10, 100, 1000, 8000, 1e6].map((s) => speedOf(T, T + s * 1000))).toEqual([1, 10, 60, 360, 3600]);
});

describe("who begins and who ends", () => {
  const services = new Map(
    [
      service("s-1", "RESERVED", [], { start: at(60), end: at(600) }),
      service("s-2", "ACTIVE", [], { start: at(-600), end: at(120) }),
      service("s-3", "ACTIVE", [], { start: at(-600) }),
      service("s-4", "TERMINATED", [], { start: at(60), end: at(90) }),
      service("s-5", "RESERVED", [], { start: at(0), windows: [{ start: at(30), end: at(40) }, { start: at(300), end: at(310) }] }),
    ].map((one) => [one.id, one]),
  );
  it("is told in the order of their times", () => {
    const { begins, ends } = turnsOf(services, T);
    const told = (turns: typeof begins): unknown => turns.map((one) => [(one.at_ms - T) / 1000, one.service.id]);
    expect(told(begins)).toEqual([[30, "s-5"], [60, "s-1"], [300, "s-5"]]);
    expect(told(ends)).toEqual([[40, "s-5"], [120, "s-2"], [310, "s-5"], [600, "s-1"]]);
    expect([59, 60, 299, 300, 900].map((s) => count(begins, T + s * 1000))).toEqual([1, 2, 2, 3, 3]);
    // What has begun meanwhile is no more to come.
    expect(turnsOf(services, T + 35_000).begins).toHaveLength(2);
  });
  it("knows who is there then", () => {
    const there = (s: number): string[] => [...services.values()].filter((one) => openAt(one, T + s * 1000)).map((one) => one.id);
    expect(there(35)).toEqual(["s-2", "s-3", "s-5"]);
    expect(there(60)).toEqual(["s-1", "s-2", "s-3", "s-4"]);
    expect(there(305)).toEqual(["s-1", "s-3", "s-5"]);
  });
});

describe("an incident that is looked back at", () => {
  const told = (s: number, path: unknown): EventOut => ({
    specversion: "1.0", id: String(s), source: "/v1", type: "highroad.service.rerouted", subject: "s", time: at(s), datacontenttype: "application/json", sequence: s, tenant: null, data: { path },
  });
  it("has the paths that events tell of, each once", () =>
    expect(staysOf([told(0, ["a", "b"]), told(1, "a"), told(2, ["a", "b"]), told(3, ["a", "c", "b"])]).map((one) => [(one.at_ms - T) / 1000, one.sites])).toEqual([
      [0, ["a", "b"]],
      [3, ["a", "c", "b"]],
    ]));
  it("touched who was dark and who is told of", () => {
    const entry = (service: string | null) => ({ at: at(0), phase: "seen", text: "", service });
    const outage = { service: "s-2", dark_ms: 1, less_than_ms: null, healed: true };
    expect(touchedBy(incident("i", { outages: [outage], timeline: [entry(null), entry("s-1"), entry("s-2")] }))).toEqual(["s-2", "s-1"]);
  });
  it("shows who had moved by then, from where and to where", () => {
    const store = new Store(OPERATOR);
    const paths = new Map([
      ["s", staysOf([told(-100, ["a", "b"]), told(5, ["a", "c", "b"]), told(50, ["a", "b"])])],
      ["calm", staysOf([told(-100, ["a", "b"])])],
    ]);
    store.change({
      sample: sample({ at: at(900) }),
      incidents: [incident("older", { opened: at(-50), closed: at(-40) }), incident("i", { opened: at(0), closed: at(60) })],
      story: { incident: "i", paths },
    });
    const moved = (s: number): unknown => {
      store.change({ address: { ...NOWHERE, at: at(s) } });
      return movesAt(store).map((route) => [route.service, route.way, route.sites]);
    };
    expect(moved(4)).toEqual([]);
    expect(moved(5)).toEqual([["s", "left", ["a", "b"]], ["s", "took", ["a", "c", "b"]]]);
    expect(moved(50)).toEqual([]);
    expect(incidentAt(store)?.id).toBe("i");
    store.change({ address: { ...NOWHERE, at: at(50), selection: { kind: "incident", id: "older" } } });
    expect(incidentAt(store)?.id).toBe("older");
    store.change({ address: { ...NOWHERE, at: at(2000) } });
    expect(incidentAt(store)).toBeNull();
  });
});
