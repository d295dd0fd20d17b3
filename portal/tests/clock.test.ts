import { expect, it } from "vitest";
import { now, skew } from "../src/state/clock";

const AT = "2026-01-01T10:00:00Z";
const OWN_MS = Date.parse(AT);

it("a sample that is a moment old says nothing of a clock", () => {
  expect(skew(0, AT, OWN_MS + 800)).toBe(0);
  expect(skew(-7_200_000, AT, OWN_MS + 7_201_000)).toBe(-7_200_000);
});

it("a clock that is wrong, or is set right, is known by the next sample", () => {
  expect(skew(0, AT, OWN_MS + 7_200_000)).toBe(-7_200_000);
  expect(skew(-7_200_000, AT, OWN_MS)).toBe(0);
});

it("now is the controller's", () => {
  const shown = now({ skew_ms: 3_600_000 });
  expect(Math.abs(shown - Date.now() - 3_600_000)).toBeLessThan(1000);
});
