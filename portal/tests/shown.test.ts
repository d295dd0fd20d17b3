import { describe, expect, it } from "vitest";
import { lights, routes, touched } from "../src/map/shown";
import { NOWHERE } from "../src/state/address";
import { index } from "../src/state/atlas";
import { none } from "../src/state/faults";
import { Store, type Overlay } from "../src/state/store";
import { incident, link, MEMBER, network, OPERATOR, path, sample, service } from "./facts";

const links = [link("a", "b", { fibres: ["f"] }), link("b", "a", { fibres: ["f"] }), link("b", "c", { fibres: ["g"] })];
const overlay = (more: Partial<Overlay>): Overlay => ({ said: "", lost: new Set(), loads: new Map(), routes: [], ...more });

function known(who = OPERATOR): Store {
  const store = new Store(who);
  store.change({ atlas: index(network({ links })), sample: sample({ links: { "a>b": 100, "b>c": 300 } }) });
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
    store.change({ moment: { at, carried: new Map([["a>b", 200]]), down: new Set(["b>a"]) } });
    expect(seen(store)).toEqual(["up 0.5", "down 0", "down 0"]);
    store.change({ moment: { at: "2026-01-01T09:00:00.000Z", carried: new Map([["a>b", 200]]), down: new Set() } });
    expect(seen(store)).toEqual(["up 0", "up 0", "down 0"]);
  });
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
