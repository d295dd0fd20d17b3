import { describe, expect, it } from "vitest";
import type { EffectOut, GoesOut, TrackOut, TracksOut, WhatIfOut } from "../src/api/schema";
import { booked } from "../src/panels/link/Ahead";
import { heaters } from "../src/panels/link/Heat";
import { series } from "../src/panels/link/OverTime";
import { proof } from "../src/panels/service/proven";
import { incidentOf } from "../src/panels/shared/CutIt";
import { linksAlong } from "../src/panels/rows";
import { drainOverlay, drawn, goesWords, MOST_DRAWN, refilled } from "../src/panels/shared/emptied";
import { effectWords, overlayOf } from "../src/panels/shared/WhatIf";
import { index } from "../src/state/atlas";
import { Store } from "../src/state/store";
import { fibre, incident, link, maintenance, network, OPERATOR, path, rate, sample, service, site } from "./facts";

const point = (mean: number, max = mean, count = 1) => ({ min: mean, mean, max, last: mean, count });
const track = (name: string, points: TrackOut["points"]): TrackOut => ({ name: "x", series: name, about: "", summed: false, points });
const tracks = (...of: TrackOut[]): TracksOut => ({
  fabric: "twin",
  rate_scale: 1,
  from: "2026-01-01T00:00:00Z",
  to: "2026-01-01T00:03:00Z",
  step_s: 60,
  tracks: of,
});

describe("a link over time", () => {
  it("has a point a step, the most beside the mean, and gaps where nothing was measured", () => {
    const begin_s = Date.parse("2026-01-01T00:00:00Z") / 1000;
    const { times_s, lines } = series(tracks(track("utilisation", []), track("carried_gbps", [point(1, 5), null, point(3)])));
    expect(times_s).toEqual([begin_s, begin_s + 60, begin_s + 120]);
    expect(lines.map((line) => line.values)).toEqual([[1, null, 3], [5, null, 3]]);
  });
  it("is nothing where nothing was measured", () => expect(series(tracks()).lines).toEqual([]));
});

it("a calendar stands reserve on what is claimed, and is drawn to its end", () => {
  const step = (from: number, claimed_gbps: number, reserve_gbps: number) => ({
    start: `2026-01-0${String(from)}T00:00:00Z`,
    end: `2026-01-0${String(from + 1)}T00:00:00Z`,
    claimed_gbps,
    reserve_gbps,
    free_gbps: 0,
    capacity_gbps: 100,
  });
  const found = booked({ link: "a>b", tail: "a", head: "b", capacity_gbps: 100, steps: [step(1, 10, 5), step(2, 20, 0)], holders: [], closed: [] });
  expect(found.times_s.map((at) => new Date(at * 1000).getUTCDate())).toEqual([1, 2, 3]);
  expect(found.lines.map((line) => line.values)).toEqual([[15, 20, 20], [10, 20, 20]]);
});

it("who heats a link is who carries most on it, each direction and share for itself", () => {
  const store = new Store(OPERATOR);
  const one = service("s-1", "ACTIVE", ["a>b"]);
  const back = service("s-2", "ACTIVE", ["b>a"], { back: path(["a>b"]), traffic_class: "bulk" });
  const halves = [0.25, 0.75].map((share, at) => ({ share, there: path([at === 0 ? "a>b" : "a>c"]), back: null }));
  const split = service("s-3", "ACTIVE", ["a>b"], { branches: halves });
  store.change({
    services: new Map([one, back, split].map((each) => [each.id, each])),
    sample: sample({ services: { "s-1": rate("ACTIVE", 10, 1), "s-2": rate("ACTIVE", 1, 30), "s-3": rate("ACTIVE", 100, 0) } }),
  });
  expect(heaters(store, "a>b")).toEqual([
    { service: "s-2", class: "bulk", gbps: 30 },
    { service: "s-3", class: "assured", gbps: 25 },
    { service: "s-1", class: "assured", gbps: 10 },
  ]);
});

it("what was promised stands beside what was measured, with sums over all samples", () => {
  const found = proof(
    tracks(
      track("carried_there_gbps", [point(8), null, point(9)]),
      track("promised_gbps", [point(10), point(10), point(10)]),
      track("dark_ms", [point(5, 5, 60), null, point(0, 0, 60)]),
      track("watched_ms", [point(1000, 1000, 60), null, point(1000, 1000, 60)]),
    ),
  );
  expect(found.times_s).toHaveLength(3);
  expect(found.rates.map((line) => line.values)).toEqual([[8, null, 9], [10, 10, 10]]);
  expect(found.sums).toEqual({ dark_ms: 300, watched_ms: 120_000, lost_bytes: 0 });
});

describe("what if", () => {
  const effect = (more: Partial<EffectOut>): EffectOut => ({
    service: "s-1",
    tenant: "acme",
    from: "a",
    to: "c",
    state: "ACTIVE",
    bandwidth_gbps: 10,
    traffic_class: "assured",
    outcome: "moved",
    unprotected: false,
    latency_before_ms: 5,
    latency_after_ms: 7,
    sites: ["a", "b", "c"],
    reason: null,
    ...more,
  });
  it.each([
    [effect({}), "moved to another path, 5 ms → 7 ms"],
    [effect({ outcome: "backup", latency_after_ms: 5, unprotected: true }), "onto its backup at once, unprotected afterwards"],
    [effect({ outcome: "dark", latency_after_ms: null, unprotected: true }), "dark"],
  ])("%o reads %s", (one, words) => expect(effectWords(one)).toBe(words));

  const atlas = index(
    network({
      sites: ["a", "b", "c"].map((id) => site(id)),
      links: [link("a", "b"), link("a", "b", { id: "a>b:2" }), link("b", "c"), link("a", "c")],
    }),
  );
  it("goes along links that are not lost", () => {
    const store = new Store(OPERATOR);
    store.change({ atlas });
    expect(linksAlong(store, ["a", "b", "c"], new Set(["a>b"]))).toEqual(["a>b:2", "b>c"]);
    expect(linksAlong(store, ["c", "a"], new Set())).toEqual([]);
  });
  it("shows on the map what is lost, who moves where, and how full links get", () => {
    const store = new Store(OPERATOR);
    store.change({ atlas });
    const filled = { link: "b>c", at: "2026-01-01T00:00:00Z", capacity_gbps: 400, claimed_gbps: 300, reserve_gbps: 0, before_gbps: 10, share: 0.75 };
    const found: WhatIfOut = {
      cut: "f",
      fibres: ["f"],
      links: ["a>c"],
      services: 3,
      counts: {},
      effects: [effect({}), effect({ service: "s-2", outcome: "dark", sites: [] }), effect({ service: "s-3", outcome: "stays" })],
      fullest: [filled],
      oversold: [],
      at_rest: true,
      sent: null,
    };
    const overlay = overlayOf(store, found);
    expect([...overlay.lost]).toEqual(["a>c"]);
    expect([...overlay.loads]).toEqual([["b>c", 0.75]]);
    expect(overlay.routes).toEqual([{ service: "s-1", way: "would", sites: ["a", "b", "c"], links: ["a>b", "b>c"] }]);
    expect(overlay.said).toBe("1 link would be lost, 1 service would move.");
  });
});

describe("a drain that is previewed", () => {
  const goes = (more: Partial<GoesOut>): GoesOut => ({
    service: "s-1",
    tenant: "acme",
    bandwidth_gbps: 10,
    before: [path(["a>c"], ["a", "c"])],
    after: [path(["a>b", "b>c"], ["a", "b", "c"])],
    latency_before_ms: 5,
    latency_after_ms: 7,
    unprotected: false,
    ...more,
  });
  const shifted = (link: string, before_gbps: number, after_gbps: number) => ({ link, capacity_gbps: 400, before_gbps, after_gbps });
  const stays = goes({ service: "s-2", after: [path(["a>c"], ["a", "c"])], latency_after_ms: 5 });
  const found = maintenance("preview", {
    target: "f",
    stuck: ["s-3", "s-9"],
    would: {
      links: ["a>c"],
      goes: [goes({}), stays],
      shifted: [shifted("a>c", 100, 20), shifted("a>b", 0, 80), shifted("b>c", 120, 200)],
    },
  });
  const known = (): Store => {
    const store = new Store(OPERATOR);
    const atlas = index(network({ fibres: [fibre("f", "a", "c")], sites: ["a", "c"].map((id) => site(id, { name: id.toUpperCase() })) }));
    const stuck = service("s-3", "ACTIVE", ["a>c"]);
    store.change({ atlas, services: new Map([[stuck.id, stuck]]) });
    return store;
  };

  it("shows on the map who moves from where to where, who stays, and the load that links would have", () => {
    const overlay = drainOverlay(known(), found);
    expect(overlay.preview).toBe("If A – C were drained");
    expect(overlay.said).toBe("Preview: 1 link would be drained, 1 service would move, 2 would stay.");
    expect([[...overlay.lost], [...(overlay.drained ?? [])]]).toEqual([[], ["a>c"]]);
    expect([...overlay.loads]).toEqual([["a>c", 0.05], ["a>b", 0.2], ["b>c", 0.5]]);
    expect(overlay.routes.map(({ service: id, way, links }) => [id, way, links])).toEqual([
      ["s-1", "leaves", ["a>c"]],
      ["s-1", "goes", ["a>b", "b>c"]],
      ["s-3", "stuck", ["a>c"]],
    ]);
  });
  it("says of each what becomes of it", () => {
    expect(goesWords(goes({ unprotected: true }))).toBe("5 ms → 7 ms, unprotected there");
    expect(goesWords(stays)).toBe("keeps its path, with another backup");
  });
  it("has links that fill and that empty by themselves", () => {
    const { fuller, emptier } = refilled(found.would ?? expect.fail());
    expect([fuller, emptier].map((all) => all.map((one) => one.link))).toEqual([["a>b", "b>c"], ["a>c"]]);
  });
  it("draws so many that one can tell them apart, who stays before who moves", () => {
    const many = Array.from({ length: 100 }, (_, at) => goes({ service: `s-${String(at + 10)}` }));
    const preview = maintenance("preview", { stuck: ["s-3"], would: { links: [], goes: many, shifted: [] } });
    expect(drawn(preview)).toEqual([MOST_DRAWN, 101]);
    expect(drainOverlay(known(), preview).routes.filter(({ way }) => way !== "leaves")).toHaveLength(MOST_DRAWN);
  });
});

it("a fibre's incident is the open one, else the newest that it had", () => {
  const [newest, open, other] = [
    incident("i-3", { open: false, fibres: ["f"] }),
    incident("i-2", { fibres: ["f", "g"] }),
    incident("i-1", { fibres: ["h"] }),
  ];
  expect(incidentOf([newest, open, other], "f")?.id).toBe("i-2");
  expect(incidentOf([newest, other], "f")?.id).toBe("i-3");
  expect(incidentOf([other], "f")).toBeUndefined();
});
