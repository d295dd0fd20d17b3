import { describe, expect, it } from "vitest";
import { load, loadText, pace, step, STEPS, width } from "../src/map/ramp";

describe("load", () => {
  it("is the share of capacity", () => expect(load(420, 1000)).toBeCloseTo(0.42));
  it("is nothing where there is no capacity, or no number", () => {
    expect(load(5, 0)).toBe(0);
    expect(load(Number.NaN, 100)).toBe(0);
  });
});

describe("step", () => {
  it("keeps idle apart from little", () => {
    expect(step(0)).toBe(0);
    expect(step(0.001)).toBe(1);
  });
  it("puts a bound into the step that it ends", () => {
    expect(STEPS.map((bound) => step(bound))).toEqual([1, 2, 3, 4, 5, 6]);
    expect(step(0.1000001)).toBe(2);
  });
  it("ends at full: over is no fuller", () => expect(step(1.2)).toBe(6));
});

describe("width", () => {
  it("grows with the root of capacity", () => expect(width(400, 1600)).toBeCloseTo(width(1600, 1600) / 2));
  it("never vanishes", () => expect(width(1, 1e6)).toBeGreaterThanOrEqual(1.2));
});

it("tells a little traffic from none", () => {
  expect(loadText(10 / 25_600)).toBe("0.0004");
  expect(loadText(0.42)).toBe("0.42");
  expect(pace(0)).toBe("none");
  expect(pace(0.9)).toBe("fast");
});
