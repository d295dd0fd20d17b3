import { describe, expect, it } from "vitest";
import type { FitsOut, HappenedOut, MoveOut, OutlookOut, PlanDiffOut, PortOut, TrackOut, TracksOut, WayOut } from "../src/api/schema";
import { near } from "../src/panels/site/Reach";
import { used } from "../src/panels/site/Ports";
import { gapsOf, proof } from "../src/panels/service/proven";
import { inOrder, past, wayWords } from "../src/panels/service/ways";
import { proofFile } from "../src/panels/service/Sealed";
import { lay } from "../src/parts/overlay";
import { changes, gain, planOverlay, signature, steps } from "../src/places/plan/gain";
import { byHelp, candidates, upgradeOf } from "../src/places/sweeps/Growth";
import { index } from "../src/state/atlas";
import { bandOf, contoursOf, distances } from "../src/state/distance";
import { Store, type Overlay } from "../src/state/store";
import { link, network, OPERATOR, service, site } from "./facts";

describe("latency reach", () => {
  const links = [
    link("a", "b", { latency_ms: 1 }),
    link("b", "c", { latency_ms: 3 }),
    link("a", "c", { latency_ms: 10 }),
    link("c", "d", { latency_ms: 4 }),
    link("e", "a", { latency_ms: 1 }),
  ];
  it("is along the shortest way, each direction for itself", () =>
    expect([...distances(links, "a")]).toEqual([["a", 0], ["b", 1], ["c", 4], ["d", 8]]));
  it("is the same as trying every way", () => {
    // A made-up network, and Bellman's equations until nothing changes.
    const many = Array.from({ length: 400 }, (_, at) => link(`s${String((at * 7) % 60)}`, `s${String((at * 31 + 11) % 60)}`, { id: String(at), latency_ms: 1 + ((at * 37) % 23) }));
    const slow = new Map([["s0", 0]]);
    for (let turn = 0; turn < 60; turn += 1)
      for (const { tail, head, latency_ms } of many)
        if (slow.has(tail)) slow.set(head, Math.min(slow.get(head) ?? Infinity, (slow.get(tail) ?? 0) + latency_ms));
    const found = distances(many, "s0");
    expect([...found].sort()).toEqual([...slow].sort());
  });
  it("ends in the middle of a link where the time ends there", () => {
    const [one, five] = contoursOf(links, distances(links, "a"), [1, 5]);
    expect(one?.pieces).toEqual([{ link: "a>b", share: 1 }, { link: "b>c", share: 0 }, { link: "a>c", share: 0.1 }]);
    expect(five?.pieces).toContainEqual({ link: "c>d", share: 0.25 });
    expect(five?.pieces.some((piece) => piece.link === "e>a")).toBe(false);
  });
  it("puts each site into the first band that has it", () => {
    expect([0.5, 1, 1.01, 10.1].map((at_ms) => bandOf(at_ms, [1, 10]))).toEqual([0, 0, 1, 2]);
    const store = new Store(OPERATOR);
    store.change({ atlas: index(network({ sites: ["a", "b", "c", "d", "e"].map((id) => site(id)), links })) });
    expect(near(store, "a", distances(links, "a"), 2)).toEqual([
      { site: "b", takes_ms: 2, band: 1 },
      { site: "c", takes_ms: 8, band: 3 },
      { site: "d", takes_ms: 16, band: 4 },
      { site: "e", takes_ms: null, band: 5 },
    ]);
  });
});

const move = (service: string, step: number, before: string[], after: string[]): MoveOut => ({
  service,
  tenant: "acme",
  bandwidth_gbps: 10,
  step,
  before: { sites: before, ways: 1, backup: [], latency_ms: 3 },
  after: { sites: after, ways: 1, backup: [], latency_ms: 2 },
});
const refilled = (id: string, before_gbps: number, after_gbps: number) => ({ link: id, capacity_gbps: 100, before_gbps, after_gbps, price: 0 });
const score = (utilisation: number, latency_ms: number) => ({ utilisation, rest: 0, latency_ms });

describe("a plan", () => {
  it.each([
    [score(0.9, 5), score(0.6, 4), "The fullest link is 30 points less full, light takes 1 ms less on average."],
    [score(0.6, 5), score(0.6, 4.5), "Light takes 0.5 ms less on average."],
    [score(0.9, 4), score(0.6, 5), "The fullest link is 30 points less full, light takes 1 ms more on average."],
    [score(0.6, 4), score(0.6, 4), "It is as good as it was."],
  ])("from %o to %o gains: %s", (before, after, words) => expect(gain({ before, after })).toBe(words));

  it("fills some links and empties others, those that change most first", () => {
    const found = changes([refilled("a>b", 10, 30), refilled("b>c", 90, 20), refilled("c>d", 50, 50), refilled("d>e", 0, 60)]);
    expect(found.fuller.map((one) => one.link)).toEqual(["d>e", "a>b"]);
    expect(found.emptier).toEqual([{ link: "b>c", before: 0.9, after: 0.2 }]);
  });
  it("is done step after step", () => {
    const moves = [move("s-1", 1, [], []), move("s-2", 2, [], []), move("s-3", 2, [], []), move("s-4", 3, [], [])];
    expect(steps(moves, 3, null).map((one) => [one.services, one.state])).toEqual([[1, "next"], [2, "next"], [1, "next"]]);
    const doing = { plan: "p", services: 4, moved: 1, steps_left: 2 };
    expect(steps(moves, 3, doing).map((one) => one.state)).toEqual(["done", "now", "next"]);
    expect(steps(moves, 3, { ...doing, moved: 4, steps_left: 0 }).map((one) => one.state)).toEqual(["done", "done", "now"]);
  });
  it("is known again by what it moves where", () => {
    const [one, two] = [move("s-1", 1, [], ["a", "b"]), move("s-2", 1, [], ["a", "c"])];
    expect(signature([one, two])).toBe(signature([{ ...two, step: 2 }, one]));
    expect(signature([one])).not.toBe(signature([{ ...one, after: { ...one.after, sites: ["a", "x", "b"] } }]));
  });

  const diff = {
    links: [refilled("a>b", 80, 20)],
    moves: [move("s-1", 1, ["a", "b"], ["a", "c", "b"]), move("s-2", 1, ["b", "a"], ["b", "c", "a"])],
  } as unknown as PlanDiffOut;
  it("is on the map: dashed what is, solid what would be, and how full links get", () => {
    const store = new Store(OPERATOR);
    store.change({ atlas: index(network({ sites: ["a", "b", "c"].map((id) => site(id)), links: [link("a", "b"), link("a", "c"), link("c", "b")] })) });
    const both = planOverlay(store, diff, "both", null);
    expect(both.routes.map((route) => [route.service, route.way])).toEqual([["s-1", "was"], ["s-2", "was"], ["s-1", "becomes"], ["s-2", "becomes"]]);
    expect(both.routes[2]?.links).toEqual(["a>c", "c>b"]);
    expect(both.loads.get("a>b")).toBe(0.2);
    expect(planOverlay(store, diff, "before", null)).toMatchObject({ routes: [], loads: new Map([["a>b", 0.8]]) });
    expect(planOverlay(store, diff, "after", "s-2").routes.map((route) => route.service)).toEqual(["s-2", "s-2"]);
    expect(planOverlay(store, diff, "both", "another").routes).toHaveLength(4);
  });
});

describe("an upgrade", () => {
  const fits = (grows_to: number | null, lost_gbps: number): FitsOut => ({
    ...{ utilisation: 1, utilisation_bound: 1, grows_to, grows_to_bound: null, lost_gbps, cut_off_gbps: 0 },
    classes: [],
    short: [],
  });
  const outlook = (after: FitsOut, before: FitsOut): OutlookOut => ({
    ...{ growth: 2, added: [], cut: [], at: "2026-01-01T00:00:00Z", services: 1, wanted_gbps: 1000, overloaded: 0, fullest: [], sent: null },
    planned: after,
    without: before,
  });
  it("carries more of what is admitted, not of what it is grown to", () =>
    expect(upgradeOf("a>b", outlook(fits(1.5, 40), fits(1.2, 100)))).toEqual({
      link: "a>b",
      grows_to: 1.5,
      more_gbps: expect.closeTo(150) as number,
      saved_gbps: 60,
    }));
  it("never carries less", () => expect(upgradeOf("a>b", outlook(fits(1.1, 0), fits(1.2, 0))).more_gbps).toBe(0));
  it("is tried once for both directions of a link", () => {
    const store = new Store(OPERATOR);
    store.change({
      atlas: index(network({ links: [link("a", "b", { fibres: ["f"] }), link("b", "a", { fibres: ["f"] }), link("b", "c", { fibres: ["g"] })] })),
    });
    const full = (id: string) => ({ link: id, capacity_gbps: 1, kept_gbps: 1, before_gbps: 1, share: 1 });
    expect(candidates(store, { fullest: ["b>a", "a>b", "b>c", "gone"].map(full) })).toEqual(["b>a", "b>c", "gone"]);
  });
  it("is better where more is saved, then where more fits", () => {
    const one = (id: string, saved_gbps: number, more_gbps: number) => ({ link: id, grows_to: 1, saved_gbps, more_gbps });
    expect(byHelp([one("a", 0, 9), one("b", 5, 1), one("c", 0, 20)]).map((each) => each.link)).toEqual(["b", "c", "a"]);
  });
});

describe("a proof", () => {
  const point = (mean: number, count = 1, max = mean) => ({ min: mean, mean, max, last: mean, count });
  const track = (series: string, points: TrackOut["points"]): TrackOut => ({ name: "x", series, about: "", summed: false, points });
  const tracks = (...of: TrackOut[]): TracksOut => ({
    ...{ fabric: "twin", rate_scale: 1, from: "2026-01-01T00:00:00Z", to: "2026-01-01T00:05:00Z", step_s: 60 },
    tracks: of,
  });
  it("goes by the minute; what nobody watched is a gap, and before the first there is nothing", () => {
    const found = proof(
      tracks(track("watched_ms", [null, point(1000, 60), null, point(1000, 60), point(1000, 60)]), track("dark_ms", [null, point(0, 60), null, point(7, 60), point(0, 60)])),
    );
    expect(found.cells.map((cell) => [cell.what, cell.dark_ms])).toEqual([["up", 0], ["gap", 0], ["dark", 420], ["up", 0]]);
    expect(found.sums.watched_ms).toBe(180_000);
  });
  it.each([
    [4.9, "yes"],
    [5.1, "no"],
  ])("of light that took %d ms at worst against 5 ms promised: %s", (worst, kept) =>
    expect(proof(tracks(track("latency_back_ms", [point(4, 1, worst)]), track("promised_ms", [point(5)]))).latency.kept).toBe(kept),
  );
  it("says nothing of what was not promised", () =>
    expect(proof(tracks(track("latency_there_ms", [point(4)]))).latency).toEqual({ promised: null, measured: 4, kept: "unknown" }));
  it("has gaps where no line has a value, not before the first", () => {
    expect(gapsOf([0, 60, 120, 180, 240, 300], [[null, 1, null, null, 2, null], [null, null, null, null, null, null]])).toEqual([
      [60, 240],
      [240, 300],
    ]);
    expect(gapsOf([0, 60], [[null, null]])).toEqual([]);
  });
  it("is a file that says its form", () => expect(JSON.parse(proofFile([]))).toEqual({ format: "highroad-proof/1", entries: [] }));
});

it("of several overlays the last is shown, and when it goes the one before", () => {
  const store = new Store(OPERATOR);
  const overlay = (said: string): Overlay => ({ said, lost: new Set(), loads: new Map(), routes: [] });
  const place = lay(store, overlay("place"));
  const panel = lay(store, overlay("panel"));
  expect(store.overlay?.said).toBe("panel");
  place();
  expect(store.overlay?.said).toBe("panel");
  lay(store, overlay("another"))();
  expect(store.overlay?.said).toBe("panel");
  panel();
  expect(store.overlay).toBeNull();
});

describe("the ways of a service", () => {
  const way = (verdict: string, sites: string[]): WayOut => ({ sites, latency_ms: 1, verdict, text: "" });
  it("have the chosen one first, then its backup", () =>
    expect(inOrder([way("full", []), way("backup", []), way("chosen", []), way("dearer", [])]).map((one) => one.verdict)).toEqual([
      "chosen",
      "backup",
      "full",
      "dearer",
    ]));
  it("are told by what another has not", () => {
    const store = new Store(OPERATOR);
    expect(wayWords(store, ["a", "b", "c", "d"], ["a", "b", "d"])).toBe("by c");
    expect(wayWords(store, ["a", "b", "d"], ["a", "b", "c", "d"])).toBe("by b");
    expect(wayWords(store, ["a", "d"], null)).toBe("directly");
    expect(wayWords(store, ["a", ..."bcdefgh", "z"], null)).toBe("by b, c, d, e, f and 2 more sites");
  });
  it("that it had are the newest first, each once, whatever else an event says", () => {
    const event = (type: string, data: Record<string, unknown>): HappenedOut => ({ at: "2026-01-01T00:00:00Z", sequence: 1, commit: null, type: `highroad.service.${type}`, data });
    const found = past([
      event("reserved", { path: ["a", "b"], latency_ms: 2 }),
      event("active", {}),
      event("changed", { path: ["a", "b"] }),
      event("rerouted", { path: ["a", "c", "b"], latency_ms: 3 }),
      event("odd", { path: [1, 2] }),
      event("terminated", { path: [] }),
    ]);
    expect(found.map((one) => [one.why, one.sites.join(""), one.latency_ms, one.before])).toEqual([
      ["moved", "acb", 3, ["a", "b"]],
      ["placed", "ab", 2, null],
    ]);
  });
});

it("a port is as full as what is ordered through it, at either end", () => {
  const port = (id: string, rate_gbps: number): PortOut => ({ id, tenant: "acme", site: "a", rate_gbps, mtu_bytes: 9000 });
  const found = used([port("p-x", 100), port("p-a", 400), port("p-b", 400)], [service("s-1", "ACTIVE"), service("s-2", "ACTIVE")]);
  expect(found.map((one) => [one.port.id, one.used_gbps, one.services])).toEqual([["p-a", 200, 2], ["p-b", 200, 2], ["p-x", 0, 0]]);
});
