import { expect, it } from "vitest";
import { darkService } from "../src/panel/incident";
import { Store } from "../src/state";
import type { ServiceOut } from "../src/wire";

function after(state: string | null): Store["state"] {
  const store = new Store({ role: "operator", tenant: null });
  const end = (site: string): ServiceOut["from"] => ({ site, port: "1", vlan: null, whole_port: false, prefixes: [] });
  if (state !== null) store.state.services.set("s-1", { id: "s-1", state, from: end("a"), to: end("b") } as ServiceOut);
  return store.state;
}

it("what is less than can be counted is no zero", () => {
  const item = darkService(after(null), { service: "s-1", dark_ms: null, less_than_ms: 30, healed: true });
  expect(item.note).toBe("< 30 ms");
});

it.each([
  ["ACTIVE", true, "ACTIVE", "63 ms"],
  ["DEGRADED", true, "DEGRADED", "63 ms, now degraded"],
  ["DEGRADED", false, "DEGRADED", "still dark, now degraded"],
  ["TERMINATED", true, "TERMINATED", "63 ms, now terminated"],
  [null, true, "unknown", "63 ms"],
  [null, false, "down", "still dark"],
])("a service that is %s now, healed %s, has the dot of %s", (now, healed, dot, note) => {
  const item = darkService(after(now), { service: "s-1", dark_ms: 63, healed });
  expect([item.state, item.note]).toEqual([dot, note]);
});
