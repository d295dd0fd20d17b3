import { describe, expect, it } from "vitest";
import { anchored, geodesic, lanes, offset, toPath, type Point } from "../src/map/geometry";

const flat = ([lon, lat]: Point): Point => [lon * 10, -lat * 10];

describe("offset", () => {
  it("keeps to the right: going east, the right is south", () => {
    expect(offset([[0, 0], [10, 0]], 2)).toEqual([[0, 2], [10, 2]]);
  });
  it("puts the way back on the other side", () => {
    expect(offset([[10, 0], [0, 0]], 2)).toEqual([[10, -2], [0, -2]]);
  });
  it("bears two points in one place", () => {
    expect(offset([[1, 1], [1, 1]], 3)).toEqual([[1, 1], [1, 1]]);
  });
});

describe("geodesic", () => {
  it("starts and ends where it should", () => {
    const [line] = geodesic([-100, 40], [-80, 45], flat, 500);
    expect(line?.[0]).toEqual([-1000, -400]);
    expect(line?.at(-1)).toEqual([-800, -450]);
  });
  it("bends towards the pole", () => {
    const [line] = geodesic([-100, 40], [-60, 40], flat, 500);
    const middle = line?.[Math.floor((line.length - 1) / 2)];
    expect(middle?.[1]).toBeLessThan(-400);
  });
  it("is torn at the map's edge, not drawn across it", () => {
    const lines = geodesic([170, 35], [-170, 35], flat, 1800);
    expect(lines).toHaveLength(2);
    for (const line of lines) {
      const x = line.map((point) => point[0]);
      expect(Math.max(...x) - Math.min(...x)).toBeLessThan(200);
    }
  });
});

it("moves only the outer ends of a torn line", () => {
  const lines: Point[][] = [[[0, 0], [1, 0]], [[8, 0], [9, 0]]];
  expect(anchored(lines, [0, 1], [9, 1])).toEqual([[[0, 1], [1, 0]], [[8, 0], [9, 1]]]);
});

it("gives parallel links lanes of their own, and opposite links the same lane", () => {
  const found = lanes(
    [
      { id: "1", tail: "a", head: "b", width: 2 },
      { id: "2", tail: "a", head: "b", width: 4 },
      { id: "3", tail: "b", head: "a", width: 2 },
    ],
    1,
  );
  expect(Object.fromEntries(found)).toEqual({ 1: 1.5, 2: 5.5, 3: 1.5 });
});

it("writes a path", () => expect(toPath([[[0, 0.04], [1, 2]], [[3, 4], [5, 6]]])).toBe("M0.0,0.0L1.0,2.0M3.0,4.0L5.0,6.0"));
