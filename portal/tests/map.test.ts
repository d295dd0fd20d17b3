import { describe, expect, it } from "vitest";
import { gathered, level, levelOf, MANY } from "../src/map/clusters";
import { Drawn } from "../src/map/drawn";
import { stopAt, wayAt } from "../src/map/hit";
import { logical, strand } from "../src/map/scene";
import { untangle } from "../src/map/untangle";
import { link, network, site } from "./facts";

const BOX = { left: 0, top: 0, right: 1000, bottom: 600 };

/** So many sites in a grid, each joined to the next. */
function grid(across: number, down: number, apart: number) {
  const sites = Array.from({ length: across * down }, (_, at) => site(`s${String(at)}`));
  const links = sites.slice(1).flatMap((one, at) => [link(`s${String(at)}`, one.id), link(one.id, `s${String(at)}`)]);
  const places = new Map(sites.map((one, at) => [one.id, [(at % across) * apart, Math.floor(at / across) * apart] as [number, number]]));
  return logical(network({ sites, links }), places);
}

describe("sites that are many", () => {
  const scene = grid(40, 25, 10);
  it("are one with their neighbours from afar, and none is lost", () => {
    const far = level(scene, 0);
    expect(far.clusters.size).toBeLessThan(300);
    const members = [...far.clusters.values()].flatMap((cluster) => cluster.members.map((spot) => spot.id));
    expect(members.sort()).toEqual([...scene.spots.keys()].sort());
  });
  it("open as one comes nearer, until each is alone", () => {
    const sizes = [0, 1, 2, 3, 4, 8].map((step) => level(scene, step).clusters.size);
    expect(sizes).toEqual([...sizes].sort((a, b) => a - b));
    expect(sizes.at(-1)).toBe(1000);
  });
  it("have every link on a road, but those inside", () => {
    const far = level(scene, 0);
    const shown = far.bundles.flatMap((bundle) => bundle.links);
    expect(new Set(shown).size).toBe(shown.length);
    const inside = [...scene.roads.values()].filter((road) => far.of.get(road.tail) === far.of.get(road.head));
    expect(shown.length + inside.length).toBe(scene.roads.size);
  });
  it("are stood for by the most important one", () => {
    const spot = (id: string, kind: string, x: number) => ({ id, name: id, kind, at: [x, 0] as [number, number], lonLat: [0, 0] as [number, number], degree: 1 });
    const found = gathered([spot("a", "pop", 0), spot("b", "campus", 5), spot("c", "pop", 50)], 10);
    expect([...found].map(([id, { members }]) => [id, members.length])).toEqual([["b", 2], ["c", 1]]);
  });
  it("are all shown where they are few", () => {
    const few = grid(4, 4, 1);
    expect(few.spots.size).toBeLessThan(MANY);
    expect(level(few, 0).clusters.size).toBe(16);
  });
});

it("steps of the zoom are the square root of two apart", () => {
  expect([1, 1.41, 2, 4, 0.5].map(levelOf)).toEqual([0, 1, 2, 4, -2]);
});

describe("a road", () => {
  it("has its lane at its right, on a screen whose y grows downwards", () => {
    expect([...strand([[0, 0], [10, 0]])]).toEqual([0, 0, -0, 1, 10, 0, -0, 1]);
  });
  it("of each direction is hit at its own side, and a site before any", () => {
    const drawn = new Drawn(grid(2, 1, 200), 1600);
    drawn.zoom(1);
    const view = { x: 0, y: 0, k: 1, width: 1600, height: 900 };
    expect(wayAt(drawn, view, 100, 2)?.id).toBe("s0>s1");
    expect(wayAt(drawn, view, 100, -2)?.id).toBe("s1>s0");
    expect(wayAt(drawn, view, 100, 60)).toBeNull();
    expect(stopAt(drawn, view, 3, 3)?.id).toBe("s0");
    expect(stopAt(drawn, view, 100, 0)).toBeNull();
  });
  it("of several links shows the fullest, and that one is down", () => {
    const drawn = new Drawn(grid(40, 25, 4), 1600);
    drawn.zoom(1);
    const several = drawn.ways.find((way) => way.bundle.links.length > 1);
    const [first = "", second = ""] = several?.bundle.links ?? [];
    expect(second).not.toBe("");
    drawn.light(new Map([[first, { state: "up", share: 0.6 }], [second, { state: "up", share: 0.2 }]]));
    expect([several?.state, several?.step, several?.pace]).toEqual(["up", 4, "medium"]);
    drawn.light(new Map([[first, { state: "up", share: 0.6 }], [second, { state: "down", share: 0 }]]));
    expect(several?.state).toBe("down");
  });
});

describe("a network without places", () => {
  const sites = Array.from({ length: 12 }, (_, at) => site(`s${String(at)}`));
  const ring = sites.map((one, at) => link(one.id, `s${String((at + 1) % 12)}`));
  it("is untangled the same way every time", () => {
    expect([...untangle(sites, ring, BOX)]).toEqual([...untangle(sites, ring, BOX)]);
  });
  it("fits the window, and no two sites are on one another", () => {
    const places = [...untangle(sites, ring, BOX).values()];
    for (const [x, y] of places) {
      expect(x).toBeGreaterThanOrEqual(-0.001);
      expect(x).toBeLessThanOrEqual(1000.001);
      expect(y).toBeGreaterThanOrEqual(-0.001);
      expect(y).toBeLessThanOrEqual(600.001);
    }
    for (const [at, a] of places.entries())
      for (const b of places.slice(at + 1)) expect(Math.hypot(a[0] - b[0], a[1] - b[1])).toBeGreaterThan(30);
  });
  it("that is a ring has no link across another", () => {
    const places = untangle(sites, ring, BOX);
    const pieces = ring.map((one) => [places.get(one.tail), places.get(one.head)] as [[number, number], [number, number]]);
    for (const [at, [a, b]] of pieces.entries()) {
      for (const [c, d] of pieces.slice(at + 2)) {
        if (a === d || b === c) continue;
        const side = (p: number[], q: number[], r: number[]) =>
          Math.sign(((q[0] ?? 0) - (p[0] ?? 0)) * ((r[1] ?? 0) - (p[1] ?? 0)) - ((q[1] ?? 0) - (p[1] ?? 0)) * ((r[0] ?? 0) - (p[0] ?? 0)));
        expect(side(a, b, c) !== side(a, b, d) && side(c, d, a) !== side(c, d, b)).toBe(false);
      }
    }
  });
});
