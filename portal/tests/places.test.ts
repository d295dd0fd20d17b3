import { describe, expect, it } from "vitest";
import { ranked, targets, type Swept } from "../src/places/sweeps/sweep";
import { range, stretches } from "../src/state/span";
import { roomOf } from "../src/shell/Stage";
import { index } from "../src/state/atlas";
import { Store } from "../src/state/store";
import { arranged, linkTable } from "../src/table/rows";
import { fibre, incident, link, network, OPERATOR, sample, site } from "./facts";

describe("a sweep", () => {
  it("cuts what carries something, and groups that are more than a fibre", () => {
    const store = new Store(OPERATOR);
    store.change({
      atlas: index(
        network({
          fibres: [fibre("f", "a", "b", ["g", "own"]), fibre("h", "a", "c", ["g"]), fibre("bare", "b", "c")],
          links: [link("a", "b", { fibres: ["f"] }), link("a", "c", { fibres: ["h"] })],
          risk_groups: ["g", "own"].map((id) => ({ id, name: id, failure_probability: null })),
        }),
      ),
    });
    expect(targets(store)).toEqual(["g", "f", "h"]);
  });
  it("has what loses most first, then what fills most", () => {
    const nothing = { cut: "", fibres: [], links: [], services: 0, counts: {}, effects: [], fullest: [], oversold: [], at_rest: true, sent: null };
    const swept = (target: string, dark_gbps: number, fullest: number): Swept => ({
      ...{ target, dark: 0, dark_gbps, moved: 0, short: 0, fullest },
      found: nothing,
    });
    const found = ranked([swept("a", 0, 0.2), swept("b", 5, 0.1), swept("c", 0, 0.9), swept("d", 0, 0.2)]);
    expect(found.map((one) => one.target)).toEqual(["b", "c", "a", "d"]);
  });
});

describe("the time line", () => {
  const HOUR = 3_600_000;
  const now = Date.parse("2026-01-10T10:20:00Z");
  it("shows a day back and a day ahead, and what is older if there is something", () => {
    expect(range(now, [], null)).toEqual([now - 20 * 60_000 - 24 * HOUR, now + 40 * 60_000 + 24 * HOUR]);
    expect(range(now, [], now - 100 * HOUR)[0]).toBeLessThanOrEqual(now - 100 * HOUR);
    expect(range(now, [], now + 100 * HOUR)[1]).toBeGreaterThanOrEqual(now + 100 * HOUR);
  });
  it("has the newest first, and what has not ended is open", () => {
    const store = new Store(OPERATOR);
    store.change({
      incidents: [
        incident("i-1", { opened: "2026-01-01T00:00:00Z", closed: "2026-01-01T01:00:00Z" }),
        incident("i-2", { opened: "2026-01-02T00:00:00Z" }),
      ],
    });
    expect(stretches(store).map((one) => [one.key, one.end_ms === null])).toEqual([["i-2", true], ["i-1", false]]);
  });
});

describe("the table", () => {
  const store = new Store(OPERATOR);
  store.change({
    atlas: index(
      network({
        sites: [site("a", { name: "Albany" }), site("b", { name: "Boston" })],
        links: [link("a", "b", { capacity_gbps: 100 }), link("b", "a", { capacity_gbps: 100 }), link("a", "b", { id: "x", capacity_gbps: 1000 })],
      }),
    ),
    sample: sample({ links: { "a>b": 90, "b>a": 10, x: 200 } }),
  });
  const keys = (filter: string, column: number, down: boolean): string[] =>
    arranged(linkTable(store), filter, column, down).map((row) => row.key);
  it("is sorted by numbers as numbers", () => {
    expect(keys("", 3, true)).toEqual(["a>b", "x", "b>a"]);
    expect(keys("", 4, false)).toEqual(["b>a", "a>b", "x"]);
  });
  it("has the rows in which every word is found", () => expect(keys("boston 1,000", 0, false)).toEqual(["x"]));
});

it("the network is fitted into what nothing covers", () => {
  const shut = roomOf(1600, 900, { railShut: true, open: false, timed: false });
  const open = roomOf(1600, 900, { railShut: false, open: true, timed: false });
  expect(open.fit.left).toBeGreaterThan(shut.fit.left);
  expect(open.fit.right).toBeLessThan(shut.fit.right);
  expect(roomOf(1600, 900, { railShut: true, open: false, timed: true }).fit.top).toBeGreaterThan(shut.fit.top);
  expect(roomOf(390, 844, { railShut: true, open: true, timed: false }).fit.bottom).toBeLessThan(844 / 2);
  expect(roomOf(390, 844, { railShut: false, open: false, timed: false }).fit.bottom).toBeLessThan(844 / 2);
});
