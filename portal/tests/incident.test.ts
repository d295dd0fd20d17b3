import { expect, it } from "vitest";
import { darkService } from "../src/panels/incident/Now";
import type { ServiceOut } from "../src/api/schema";
import { Store } from "../src/state/store";
import { OPERATOR, service } from "./facts";

function after(state: ServiceOut["state"] | null): Store {
  const store = new Store(OPERATOR);
  if (state !== null) store.change({ services: new Map([["s-1", service("s-1", state)]]) });
  return store;
}

it("what is less than can be counted is no zero", () => {
  const item = darkService(after(null), { service: "s-1", dark_ms: null, less_than_ms: 30, healed: true });
  expect(item.note).toBe("< 30 ms");
});

it.each([
  [null, "not measured"],
  [0, "not dark"],
  [0.2, "0.2 ms"],
])("dark for %s is told as %s", (dark_ms, note) => {
  expect(darkService(after(null), { service: "s-1", dark_ms, less_than_ms: null, healed: true }).note).toBe(note);
});

it.each([
  ["ACTIVE", true, "ACTIVE", "63 ms"],
  ["DEGRADED", true, "DEGRADED", "63 ms, now degraded"],
  ["DEGRADED", false, "DEGRADED", "still dark, now degraded"],
  ["TERMINATED", true, "TERMINATED", "63 ms, now terminated"],
  [null, true, "unknown", "63 ms"],
  [null, false, "down", "still dark"],
] as const)("a service that is %s now, healed %s, has the dot of %s", (now, healed, dot, note) => {
  const item = darkService(after(now), { service: "s-1", dark_ms: 63, less_than_ms: null, healed });
  expect([item.state, item.note]).toEqual([dot, note]);
});
