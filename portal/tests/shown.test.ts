import { describe, expect, it } from "vitest";
import { lights, routes, touched } from "../src/map/shown";
import { NOWHERE } from "../src/state/address";
import { index } from "../src/state/atlas";
import { none } from "../src/state/faults";
import { Store, type Moment, type Overlay } from "../src/state/store";
import type { LinkOut } from "../src/api/schema";
import { incident, link, maintenance, MEMBER, network, OPERATOR, path, sample, service } from "./facts";

const links = [link("a", "b", { fibres: ["f"] }), link("b", "a", { fibres: ["f"] }), link("b", "c", { fibres: ["g"] })];
const overlay = (more: Partial<Overlay>): Overlay => ({ said: "", lost: new Set(), loads: new Map(), routes: [], ...more });

function known(who = OPERATOR): Store {
  const store = new Store(who);
  store.change({ atlas: index(network({ links })), sample: sample({ at: "2026-01-01T12:00:00Z", links: { "a>b": 100, "b>c": 300 } }) });
  return store;
}

const seen = (store: Store): string[] => {
  const lit = lights(store);
  return links.map((one) => `${lit(one).state} ${String(lit(one).share)}`);
};

describe("links are shown", () => {
  it("as they are now", () => {
    const store = known();
    store.change({ faults: { ...none(), down: new Set(["g"]) } });
    expect(seen(store)).toEqual(["up 0.25", "up 0", "down 0.75"]);
  });
  it("as they would be, beside what is so now", () => {
    const store = known();
    store.change({ overlay: overlay({ lost: new Set(["a>b"]), loads: new Map([["b>c", 0.9]]) }) });
    expect(seen(store)).toEqual(["down 0.25", "up 0", "up 0.9"]);
    store.change({ overlay: overlay({ drained: new Set(["a>b"]), loads: new Map([["a>b", 0.1]]) }) });
    expect(seen(store)).toEqual(["drained 0.1", "up 0", "up 0.75"]);
    store.change({ overlay: null });
    expect(seen(store)).toEqual(["up 0.25", "up 0", "up 0.75"]);
  });
  it("as they were, whatever is so now", () => {
    const store = known();
    const at = "2026-01-01T10:30:00.000Z";
    store.change({
      address: { ...NOWHERE, at },
      faults: { ...none(), down: new Set(["f"]) },
      incidents: [incident("i", { fibres: ["g"], opened: "2026-01-01T10:00:00Z", closed: "2026-01-01T11:00:00Z" })],
    });
    expect(seen(store)).toEqual(["up 0", "up 0", "down 0"]);
    const at_ms = Date.parse(at);
    const then: Moment = { kind: "measured", from_ms: at_ms - 5000, until_ms: at_ms + 5000, gbps: new Map([["a>b", 200]]), down: new Set(["b>a"]) };
    store.change({ moment: then });
    expect(seen(store)).toEqual(["up 0.5", "down 0", "down 0"]);
    // A step in which it failed for a moment is not dark for all of it: an incident knows when.
    const brief = incident("j", { fibres: ["f"], opened: "2026-01-01T10:30:02Z", closed: "2026-01-01T10:30:03Z" });
    const { incidents } = store;
    store.change({ incidents: [...incidents, brief] });
    expect(seen(store)).toEqual(["up 0.5", "up 0", "down 0"]);
    store.change({ incidents });
    // Of another instant, or as it is booked: that is not how it was.
    store.change({ moment: { ...then, until_ms: at_ms } });
    expect(seen(store)).toEqual(["up 0", "up 0", "down 0"]);
    store.change({ moment: { ...then, kind: "booked" } });
    expect(seen(store)).toEqual(["up 0", "up 0", "down 0"]);
  });
});

it("links are shown as they are booked, whatever is down now", () => {
  const store = known();
  const at = "2026-01-02T00:30:00.000Z";
  const at_ms = Date.parse(at);
  store.change({
    sample: sample({ at: "2026-01-01T12:00:00Z", links: { "a>b": 100 } }),
    address: { ...NOWHERE, at },
    faults: { ...none(), down: new Set(["f"]) },
    incidents: [incident("i", { fibres: ["f"], opened: "2026-01-01T10:00:00Z", closed: null })],
    maintenances: [
      maintenance("m-1", { fibres: ["g"], start: "2026-01-02T00:00:00Z", end: "2026-01-02T01:00:00Z" }),
      maintenance("m-2", { fibres: ["f"], start: "2026-01-02T01:00:00Z", end: "2026-01-02T02:00:00Z" }),
      maintenance("m-3", { fibres: ["f"], start: "2026-01-02T00:00:00Z", end: null, ended: "2026-01-01T11:00:00Z" }),
    ],
    moment: { kind: "booked", from_ms: at_ms, until_ms: at_ms + 1, gbps: new Map([["a>b", 300]]), down: new Set() },
  });
  expect(seen(store)).toEqual(["up 0.75", "up 0", "drained 0"]);
  expect(lights(store)(links[0] as LinkOut).gbps).toBe(300);
  expect(lights(store)(links[1] as LinkOut).gbps).toBeNull();
});

describe("what belongs to what is selected", () => {
  it.each([
    [{ kind: "link", id: "a>b" }, ["a>b", "b>a"], ["a", "b"]],
    [{ kind: "fibre", id: "f" }, ["a>b", "b>a"], ["a", "b"]],
    [{ kind: "site", id: "c" }, [], ["c"]],
    [{ kind: "incident", id: "i" }, ["b>c"], []],
    [{ kind: "link", id: "gone" }, [], []],
  ] as const)("%o", (selection, wanted, sites) => {
    const store = known();
    store.change({ address: { ...NOWHERE, selection }, incidents: [incident("i", { fibres: ["g"] })] });
    const found = touched(store);
    expect([[...found.links], [...found.sites]]).toEqual([wanted, sites]);
  });
});

describe("paths are drawn", () => {
  const services = new Map(
    [service("s-1", "ACTIVE", ["a>b"], { backup: { there: path(["b>c"]), back: null } }), service("s-2", "TERMINATED", ["b>c"])].map(
      (one) => [one.id, one],
    ),
  );
  it("of the selected service, its backup first", () => {
    const store = known();
    store.change({ services, address: { ...NOWHERE, selection: { kind: "service", id: "s-1" } } });
    const [found, own] = routes(store);
    expect([found.map((one) => [one.way, one.links]), own]).toEqual([[["spare", ["b>c"]], ["there", ["a>b"]]], false]);
  });
  it("of all that live for a tenant, who sees no links", () => {
    const store = known(MEMBER);
    store.change({ services });
    const [found, own] = routes(store);
    expect([found.map((one) => one.service), own]).toEqual([["s-1", "s-1"], true]);
  });
  it("of nobody for an operator who selects nothing, and before all of what would be", () => {
    const store = known();
    store.change({ services });
    expect(routes(store)).toEqual([[], false]);
    const would = { service: "s-1", way: "would", sites: ["a", "b"], links: [] } as const;
    store.change({ overlay: overlay({ routes: [would] }), address: { ...NOWHERE, selection: { kind: "service", id: "s-1" } } });
    expect(routes(store)[0]).toEqual([would]);
  });
});
