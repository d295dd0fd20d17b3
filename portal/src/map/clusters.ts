// Where there are more sites than a window holds, those near each other are one until one comes closer. The most important
// site of a neighbourhood stands for it, where it is, so what opens is where it was.
import { IMPORTANCE } from "./glyphs";
import type { Road, Scene, Spot, Strand } from "./scene";

export interface Cluster {
  head: Spot;
  /** All of it, the head first. */
  members: Spot[];
}

/** Links between two clusters as one road: all that it stands for. */
export interface Bundle {
  road: Road;
  links: string[];
}

export interface Level {
  clusters: Map<string, Cluster>;
  /** The cluster in which a site is, by its head's id. */
  of: Map<string, string>;
  bundles: Bundle[];
}

/** Fewer sites than this are all shown, moved apart where they sit on one another. */
export const MANY = 250;
/** How near each other two sites may be on the screen before they are one. */
const NEAR_PX = 26;

/** The zoom as a step: each is the square root of two wider than the one before. */
export function levelOf(k: number): number {
  return Math.round(2 * Math.log2(k));
}

/** What is shown at a step of the zoom. */
export function level(scene: Scene, step: number): Level {
  const near = scene.spots.size < MANY ? 0 : NEAR_PX / 2 ** (step / 2);
  const clusters = near === 0 ? single(scene) : gathered([...scene.spots.values()], near);
  const of = new Map<string, string>();
  for (const cluster of clusters.values()) for (const spot of cluster.members) of.set(spot.id, cluster.head.id);
  return { clusters, of, bundles: bundled(scene, clusters, of) };
}

function single(scene: Scene): Map<string, Cluster> {
  return new Map([...scene.spots.values()].map((head) => [head.id, { head, members: [head] }]));
}

export function gathered(spots: readonly Spot[], near: number): Map<string, Cluster> {
  const order = [...spots].sort((a, b) => rank(b) - rank(a) || (a.id < b.id ? -1 : 1));
  const cells = new Map<string, Spot[]>();
  const cell = (x: number, y: number): string => `${String(x)},${String(y)}`;
  for (const spot of order) {
    const key = cell(Math.floor(spot.at[0] / near), Math.floor(spot.at[1] / near));
    const held = cells.get(key);
    if (held === undefined) cells.set(key, [spot]);
    else held.push(spot);
  }
  const taken = new Set<string>();
  const found = new Map<string, Cluster>();
  for (const head of order) {
    if (taken.has(head.id)) continue;
    taken.add(head.id);
    const members = [head];
    const [x, y] = [Math.floor(head.at[0] / near), Math.floor(head.at[1] / near)];
    for (let i = x - 1; i <= x + 1; i += 1) {
      for (let j = y - 1; j <= y + 1; j += 1) {
        for (const spot of cells.get(cell(i, j)) ?? []) {
          if (taken.has(spot.id) || Math.hypot(spot.at[0] - head.at[0], spot.at[1] - head.at[1]) > near) continue;
          taken.add(spot.id);
          members.push(spot);
        }
      }
    }
    found.set(head.id, { head, members });
  }
  return found;
}

function rank(spot: Spot): number {
  return (IMPORTANCE[spot.kind] ?? 0) + spot.degree * 30;
}

function bundled(scene: Scene, clusters: ReadonlyMap<string, Cluster>, of: ReadonlyMap<string, string>): Bundle[] {
  const found: Bundle[] = [];
  const joined = new Map<string, Bundle>();
  const lines = new Map<string, Strand[]>();
  for (const road of scene.roads.values()) {
    const [tail, head] = [clusters.get(of.get(road.tail) ?? ""), clusters.get(of.get(road.head) ?? "")];
    if (tail === undefined || head === undefined || tail === head) continue;
    if (tail.members.length === 1 && head.members.length === 1) {
      found.push({ road, links: [road.id] });
      continue;
    }
    const key = `${tail.head.id} ${head.head.id}`;
    const known = joined.get(key);
    if (known !== undefined) {
      known.links.push(road.id);
      known.road.capacity_gbps += road.capacity_gbps;
      known.road.width = Math.min(6, Math.max(known.road.width, road.width) + 0.15);
      known.road.lane = known.road.width / 2 + 0.55;
      continue;
    }
    const traced = lines.get(key) ?? scene.trace(tail.head, head.head);
    lines.set(key, traced);
    const own: Road = { ...road, tail: tail.head.id, head: head.head.id, lane: road.width / 2 + 0.55, lines: traced };
    const bundle = { road: own, links: [road.id] };
    joined.set(key, bundle);
    found.push(bundle);
  }
  return found;
}
