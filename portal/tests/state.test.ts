import { describe, expect, it } from "vitest";
import { index } from "../src/state/atlas";
import { servicesOn, stateNow, totals } from "../src/state/services";
import { Store } from "../src/state/store";
import { link, network, OPERATOR, rate, sample, service } from "./facts";

function known(): Store {
  const store = new Store(OPERATOR);
  const services = [
    service("s-1", "ACTIVE", ["a>b"]),
    service("s-2", "ACTIVATING", ["a>b", "b>c"]),
    service("s-3", "TERMINATED", ["a>b"]),
  ];
  store.change({
    services: new Map(services.map((one) => [one.id, one])),
    sample: sample({
      services: { "s-1": rate("DEGRADED", 10, 5), "s-2": rate("ACTIVE", 100, 100), "s-3": rate("ACTIVE", 0, 0) },
    }),
  });
  return store;
}

describe("a service's state", () => {
  it("is the sample's, which is newer", () => {
    const state = known();
    expect([...state.services.values()].map((one) => stateNow(state, one))).toEqual(["DEGRADED", "ACTIVE", "TERMINATED"]);
  });
  it("is counted so", () => {
    expect(totals(known())).toEqual({ active: 1, degraded: 1, carried_gbps: 215 });
  });
});

it("knows who crosses a link, and forgets who has ended", () => {
  const state = known();
  expect(servicesOn(state, ["a>b"]).map((one) => one.id)).toEqual(["s-1", "s-2"]);
  expect(servicesOn(state, ["b>c"]).map((one) => one.id)).toEqual(["s-2"]);
});

it("files links by fibre and by site, each once", () => {
  const links = [link("a", "b", { fibres: ["f", "f"] }), link("b", "a", { fibres: ["f", "f"] })];
  const atlas = index(network({ links }));
  expect(atlas.linksOn.get("f")?.map((one) => one.id)).toEqual(["a>b", "b>a"]);
  expect(atlas.linksAt.get("a")).toHaveLength(2);
});
