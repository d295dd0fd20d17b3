// The scene as it is in the window now: where each cluster stands, how each road runs, what it looks like. Coordinates are the
// window's pixels but for the shift of the view, so that moving the map sideways changes nothing here.
import type { LinkState } from "../state/faults";
import { levelOf, level, type Bundle, type Cluster, type Level } from "./clusters";
import type { Point } from "./geometry";
import { radius } from "./glyphs";
import { pace, step } from "./ramp";
import type { Scene, Strand } from "./scene";
import { spread } from "./spread";

export interface Stop {
  cluster: Cluster;
  id: string;
  kind: string;
  name: string;
  at: Point;
  radius: number;
  degree: number;
  count: number;
}

export interface Way {
  bundle: Bundle;
  id: string;
  /** Pixels. */
  width: number;
  lane: number;
  lines: Strand[];
  tail: Stop;
  head: Stop;
  state: LinkState;
  step: number;
  pace: string;
  /** Where its ends are moved to, beside where they lie: x, y of the tail, x, y of the head. */
  pull: [number, number, number, number];
}

const FARTHEST_PX = 16;

export class Drawn {
  stops: Stop[] = [];
  ways: Way[] = [];
  stop = new Map<string, Stop>();
  k = 1;
  private step = NaN;
  private levels = new Map<number, Level>();
  private level: Level | null = null;
  private lit = new Map<string, { state: LinkState; share: number }>();

  constructor(
    private readonly scene: Scene,
    private readonly width: number,
  ) {}

  /** How much wider roads get as one comes nearer. */
  get growth(): number {
    return Math.min(2.6, Math.max(0.7, this.k ** 0.4)) * Math.min(1, Math.max(0.6, this.width / 1100));
  }

  /** Sites are drawn smaller on a phone. */
  get small(): number {
    return Math.min(1, Math.max(0.66, this.width / 1000));
  }

  zoom(k: number): void {
    this.k = k;
    const wanted = levelOf(k);
    if (wanted !== this.step) {
      this.step = wanted;
      this.open(wanted);
    }
    const bodies = this.stops.map(({ cluster, kind, radius: r }) => ({
      x: cluster.head.at[0] * k,
      y: cluster.head.at[1] * k,
      radius: r + 1.5 * this.small,
      weight: kind === "pop" ? 4 : 1,
    }));
    // Those of many are apart as they are: who was near another is one with it.
    const at = this.level !== null && this.level.clusters.size < this.scene.spots.size ? null : spread(bodies, FARTHEST_PX);
    for (const [number, stop] of this.stops.entries()) {
      const body = bodies[number];
      if (body !== undefined) stop.at = at?.[number] ?? [body.x, body.y];
    }
    const growth = this.growth;
    for (const way of this.ways) {
      const { road } = way.bundle;
      way.width = road.width * growth;
      way.lane = road.lane * growth;
      const [tail, head] = [way.tail.cluster.head.at, way.head.cluster.head.at];
      way.pull[0] = way.tail.at[0] - tail[0] * k;
      way.pull[1] = way.tail.at[1] - tail[1] * k;
      way.pull[2] = way.head.at[0] - head[0] * k;
      way.pull[3] = way.head.at[1] - head[1] * k;
    }
  }

  /** Says how links are; returns whether anything that moves changed its pace. */
  light(of: ReadonlyMap<string, { state: LinkState; share: number }>): void {
    this.lit = new Map(of);
    for (const way of this.ways) this.shade(way);
  }

  /** The stop at which a site is, alone or among others. */
  stopOf(site: string): Stop | undefined {
    return this.stop.get(this.level?.of.get(site) ?? "");
  }

  private open(wanted: number): void {
    const known = this.levels.get(wanted) ?? level(this.scene, wanted);
    this.levels.set(wanted, known);
    this.level = known;
    this.stops = [...known.clusters.values()].map((cluster) => {
      const { id, kind, name, degree } = cluster.head;
      const count = cluster.members.length;
      const r = count > 1 ? 7 + 1.6 * Math.log2(count) : radius(kind);
      return { cluster, id, kind, name, at: cluster.head.at, radius: r * this.small, degree, count };
    });
    this.stop = new Map(this.stops.map((stop) => [stop.id, stop]));
    this.ways = known.bundles.flatMap((bundle) => {
      const [tail, head] = [this.stop.get(bundle.road.tail), this.stop.get(bundle.road.head)];
      if (tail === undefined || head === undefined) return [];
      const { id, lines, width, lane } = bundle.road;
      const way: Way = { bundle, id, width, lane, lines, tail, head, state: "up", step: 0, pace: "none", pull: [0, 0, 0, 0] };
      this.shade(way);
      return [way];
    });
  }

  /** Of several links the fullest is what counts, and one that is down shows. */
  private shade(way: Way): void {
    let [share, state]: [number, LinkState] = [0, "up"];
    for (const link of way.bundle.links) {
      const lit = this.lit.get(link);
      if (lit === undefined) continue;
      if (lit.state === "up") share = Math.max(share, lit.share);
      if (lit.state === "down" || (lit.state === "drained" && state === "up")) state = lit.state;
      if (way.bundle.links.length === 1) share = lit.share;
    }
    way.state = state;
    way.step = step(share);
    way.pace = state === "down" ? "none" : pace(share);
  }
}

/** Calls back with each point of a way on the window, in order; `begins` where a line begins. */
export function along(
  way: Pick<Way, "lines" | "lane" | "pull">,
  k: number,
  tx: number,
  ty: number,
  point: (x: number, y: number, begins: boolean) => void,
): void {
  const { lane, pull, lines } = way;
  const last = lines.length - 1;
  for (let line = 0; line <= last; line += 1) {
    const strand = lines[line] as Strand;
    const points = strand.length / 4;
    for (let at = 0; at < points; at += 1) {
      const place = at * 4;
      let x = (strand[place] as number) * k + (strand[place + 2] as number) * lane + tx;
      let y = (strand[place + 1] as number) * k + (strand[place + 3] as number) * lane + ty;
      if (line === 0 && at === 0) {
        x += pull[0];
        y += pull[1];
      } else if (line === last && at === points - 1) {
        x += pull[2];
        y += pull[3];
      }
      point(x, y, at === 0);
    }
  }
}
