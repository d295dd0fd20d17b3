import { describe, expect, it } from "vitest";
import { place, type Wanted } from "../src/map/labels";
import { spread } from "../src/map/spread";

const at = (id: string, x: number, y: number, importance = 0): Wanted => ({
  id,
  x,
  y,
  radius: 4,
  width: 50,
  height: 14,
  importance,
});

describe("names", () => {
  it("stand to the right where they can", () => {
    expect(place([at("a", 0, 0)], 9)).toMatchObject([{ id: "a", anchor: "start" }]);
  });
  it("go elsewhere where another site is in the way", () => {
    expect(place([at("a", 0, 0, 1), at("b", 30, 0)], 1)).toMatchObject([{ id: "a", anchor: "end" }]);
  });
  it("never overlap", () => {
    const crowd = Array.from({ length: 60 }, (_, number) => at(`s${number}`, (number % 10) * 30, Math.floor(number / 10) * 16));
    const boxes = place(crowd, 99).map(({ x, y, anchor }) => {
      const left = anchor === "start" ? x : anchor === "end" ? x - 50 : x - 25;
      return { left, right: left + 50, top: y - 11, bottom: y + 2 };
    });
    for (const [i, a] of boxes.entries()) {
      for (const b of boxes.slice(i + 1)) {
        expect(a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom).toBe(false);
      }
    }
  });
  it("go to the most important first, and stop at the most that are wanted", () => {
    expect(place([at("a", 0, 0), at("b", 500, 0, 9)], 1).map((label) => label.id)).toEqual(["b"]);
  });
  it("stay inside what one can see", () => {
    expect(place([at("a", 0, 0)], 9, { left: -100, top: -50, right: 20, bottom: 50 })).toMatchObject([{ anchor: "end" }]);
    expect(place([at("a", 0, 0)], 9, { left: -5, top: -5, right: 5, bottom: 5 })).toEqual([]);
  });
});

describe("sites in one town", () => {
  it("move apart, the light one further", () => {
    const [heavy, light] = spread(
      [
        { x: 0, y: 0, radius: 5, weight: 4 },
        { x: 1, y: 0, radius: 5, weight: 1 },
      ],
      30,
    );
    expect((light?.[0] ?? 0) - (heavy?.[0] ?? 0)).toBeGreaterThan(9.5);
    expect(Math.abs(heavy?.[0] ?? 9)).toBeLessThan(Math.abs((light?.[0] ?? 0) - 1));
  });
  it("part even from the very same place, and never go far", () => {
    const moved = spread(Array.from({ length: 12 }, () => ({ x: 7, y: 7, radius: 5, weight: 1 })), 16);
    expect(new Set(moved.map(String)).size).toBe(12);
    for (const [x, y] of moved) expect(Math.hypot(x - 7, y - 7)).toBeLessThanOrEqual(16.001);
  });
  it("stay where nothing is near", () => {
    expect(spread([{ x: 0, y: 0, radius: 5, weight: 1 }, { x: 90, y: 0, radius: 5, weight: 1 }], 16)).toEqual([[0, 0], [90, 0]]);
  });
});
