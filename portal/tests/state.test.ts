import { describe, expect, it } from "vitest";
import { index, servicesOn, stateNow, Store, totals } from "../src/state";
import type { ServiceOut, ServiceRateOut } from "../src/wire";

const end = (site: string) => ({ site, port: `p-${site}`, vlan: null, whole_port: false, prefixes: [] });
const path = (links: string[]) => ({ sites: [], links, latency_ms: 1, length_km: 1, jurisdictions: [] });
const service = (id: string, state: string, links: string[]): ServiceOut => ({
  id,
  version: 1,
  state,
  reason: null,
  tenant: "acme",
  from: end("a"),
  to: end("b"),
  bandwidth_gbps: 100,
  burst_gbps: null,
  latency_bound_ms: null,
  fence: null,
  start: "2026-01-01T00:00:00Z",
  end: null,
  windows: [],
  windows_left: 1,
  autoscale: null,
  hold_until: null,
  recurrence: null,
  kind: "ip",
  traffic_class: "assured",
  protection: "none",
  notes: [],
  description: "",
  there: path(links),
  back: null,
  branches: [],
  backup: null,
});
const rate = (state: string, there: number, back: number): ServiceRateOut => ({
  state,
  offered_gbps: there,
  carried_gbps_there: there,
  carried_gbps_back: back,
  latency_ms_there: null,
  latency_ms_back: null,
  dark_ms: 0,
  lost_bytes: 0,
});

function known(): Store {
  const store = new Store({ role: "operator", tenant: null });
  for (const one of [
    service("s-1", "ACTIVE", ["a>b"]),
    service("s-2", "ACTIVATING", ["a>b", "b>c"]),
    service("s-3", "TERMINATED", ["a>b"]),
  ]) {
    store.state.services.set(one.id, one);
  }
  store.state.sample = {
    fabric: "twin",
    rate_scale: 1,
    at: "2026-01-01T00:00:00Z",
    sequence: 1,
    links: {},
    fibres_down: [],
    fibres_drained: [],
    frozen: null,
    services: { "s-1": rate("DEGRADED", 10, 5), "s-2": rate("ACTIVE", 100, 100), "s-3": rate("ACTIVE", 0, 0) },
  };
  return store;
}

describe("a service's state", () => {
  it("is the sample's, which is newer", () => {
    const { state } = known();
    expect([...state.services.values()].map((one) => stateNow(state, one))).toEqual(["DEGRADED", "ACTIVE", "TERMINATED"]);
  });
  it("is counted so", () => {
    expect(totals(known().state)).toEqual({ active: 1, degraded: 1, carried_gbps: 215 });
  });
});

it("knows who crosses a link, and forgets who has ended", () => {
  const { state } = known();
  expect(servicesOn(state, ["a>b"]).map((one) => one.id)).toEqual(["s-1", "s-2"]);
  expect(servicesOn(state, ["b>c"]).map((one) => one.id)).toEqual(["s-2"]);
});

it("files links by fibre and by site, each once", () => {
  const link = (tail: string, head: string) => ({
    id: `${tail}>${head}`,
    tail,
    head,
    capacity_gbps: 1,
    latency_ms: 1,
    fibres: ["f", "f"],
    booked_gbps: 0,
  });
  const atlas = index({
    revision: 1,
    name: "n",
    assumptions: [],
    sites: [],
    fibres: [],
    links: [link("a", "b"), link("b", "a")],
    risk_groups: [],
  });
  expect(atlas.linksOn.get("f")?.map((one) => one.id)).toEqual(["a>b", "b>a"]);
  expect(atlas.linksAt.get("a")).toHaveLength(2);
});
