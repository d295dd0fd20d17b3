// A network as things to draw, in the coordinates of the whole map: sites as spots, links as roads with their lanes. What the
// zoom and the window do to it comes later, so this is made once a network and a view.
import type { LinkOut, NetworkOut, SiteOut } from "../api/schema";
import { geodesic, lanes, type Point, type Project } from "./geometry";
import type { Box } from "./projection";
import { width } from "./ramp";

export interface Spot {
  id: string;
  name: string;
  kind: string;
  at: Point;
  lonLat: Point;
  /** How many links come in. */
  degree: number;
}

export interface Road {
  id: string;
  tail: string;
  head: string;
  capacity_gbps: number;
  /** Pixels, at the zoom that shows all. */
  width: number;
  /** How far right of the middle it runs, in the same pixels. */
  lane: number;
  /** One line, or two where the map's edge tears it. */
  lines: Strand[];
}

/** A line as its points and, at each, the unit vector to its right: x, y, right x, right y, and so on. */
export type Strand = Float32Array;

export interface Scene {
  spots: Map<string, Spot>;
  roads: Map<string, Road>;
  bounds: Box;
  /** A line between two places, as roads run here. */
  trace: (from: Spot, to: Spot) => Strand[];
}

const GAP_PX = 1.1;

/** The network where it lies. `torn` is how far apart two neighbours on a line are where the map's edge is between them. */
export function geographic(network: NetworkOut, project: Project, torn: number): Scene {
  return made(
    network,
    (site) => project([site.lon, site.lat]),
    (from, to) => geodesic(from.lonLat, to.lonLat, project, torn).map(strand),
  );
}

/** The network as it hangs together: sites where they are told to be, links straight. */
export function logical(network: NetworkOut, at: ReadonlyMap<string, Point>): Scene {
  return made(
    network,
    (site) => at.get(site.id) ?? null,
    (from, to) => [strand([from.at, to.at])],
  );
}

function made(network: NetworkOut, place: (site: SiteOut) => Point | null, trace: Scene["trace"]): Scene {
  const degree = new Map<string, number>();
  for (const link of network.links) degree.set(link.head, (degree.get(link.head) ?? 0) + 1);
  const spots = new Map<string, Spot>();
  for (const site of network.sites) {
    const at = place(site);
    if (at === null) continue;
    const { id, name, kind, lon, lat } = site;
    spots.set(id, { id, name, kind, at, lonLat: [lon, lat], degree: degree.get(id) ?? 0 });
  }
  return { spots, roads: roads(network.links, spots, trace), bounds: around([...spots.values()]), trace };
}

function roads(links: readonly LinkOut[], spots: ReadonlyMap<string, Spot>, trace: Scene["trace"]): Map<string, Road> {
  const largest = links.reduce((most, link) => Math.max(most, link.capacity_gbps), 0);
  const strips = links.map(({ id, tail, head, capacity_gbps }) => ({
    id,
    tail,
    head,
    capacity_gbps,
    width: width(capacity_gbps, largest),
  }));
  const lane = lanes(strips, GAP_PX);
  const found = new Map<string, Road>();
  for (const strip of strips) {
    const [from, to] = [spots.get(strip.tail), spots.get(strip.head)];
    if (from === undefined || to === undefined) continue;
    found.set(strip.id, { ...strip, lane: lane.get(strip.id) ?? 0, lines: trace(from, to) });
  }
  return found;
}

export function around(spots: readonly Spot[]): Box {
  const box: Box = { left: Infinity, right: -Infinity, top: Infinity, bottom: -Infinity };
  for (const { at } of spots) {
    box.left = Math.min(box.left, at[0]);
    box.right = Math.max(box.right, at[0]);
    box.top = Math.min(box.top, at[1]);
    box.bottom = Math.max(box.bottom, at[1]);
  }
  return spots.length === 0 ? { left: 0, right: 1, top: 0, bottom: 1 } : box;
}

/** A line with its right-hand vectors. On a screen y grows downwards. */
export function strand(line: readonly Point[]): Strand {
  const found = new Float32Array(line.length * 4);
  line.forEach((point, at) => {
    const before = line[Math.max(0, at - 1)] ?? point;
    const after = line[Math.min(line.length - 1, at + 1)] ?? point;
    const [dx, dy] = [after[0] - before[0], after[1] - before[1]];
    const length = Math.hypot(dx, dy) || 1;
    found.set([point[0], point[1], -dy / length, dx / length], at * 4);
  });
  return found;
}
