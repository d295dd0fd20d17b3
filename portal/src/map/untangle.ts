// A layout for a network that has no places, or whose places are beside the point: sites that are joined draw near, all push
// each other off. It begins where the sites lie, so that west stays west where that is known, and is the same every time.
import { forceCollide, forceLink, forceManyBody, forceSimulation, forceX, forceY, type SimulationNodeDatum } from "d3-force";
import type { LinkOut, SiteOut } from "../api/schema";
import type { Point } from "./geometry";
import type { Box } from "./projection";

interface Body extends SimulationNodeDatum {
  id: string;
}

/** So many steps, however long they take: a layout that depended on the clock would not be the same twice. */
const STEPS = 300;
const FEWER = 140;
const SPACE = 40;

/** Where each site goes, inside a box. */
export function untangle(sites: readonly SiteOut[], links: readonly LinkOut[], box: Box): Map<string, Point> {
  const known = placed(sites);
  const bodies: Body[] = sites.map(({ id, lon, lat }, at) => {
    const start: Point = known ? [lon * 12, -lat * 15] : sunflower(at);
    return { id, x: start[0], y: start[1] };
  });
  const here = new Set(sites.map((site) => site.id));
  const joined = new Map<string, { source: string; target: string }>();
  for (const { tail, head } of links) {
    if (tail === head || !here.has(tail) || !here.has(head)) continue;
    const key = tail < head ? `${tail} ${head}` : `${head} ${tail}`;
    joined.set(key, { source: tail, target: head });
  }
  const middle = mean(bodies);
  forceSimulation(bodies)
    .force("link", forceLink<Body, { source: string; target: string }>([...joined.values()]).id((body) => body.id).distance(SPACE))
    .force("apart", forceManyBody<Body>().strength(-120).distanceMax(SPACE * 14))
    .force("collide", forceCollide<Body>(SPACE * 0.35))
    .force("x", forceX<Body>(middle[0]).strength(0.03))
    .force("y", forceY<Body>(middle[1]).strength(0.045))
    .stop()
    .tick(sites.length > 400 ? FEWER : STEPS);
  return fitted(bodies, box);
}

/** Whether sites have places that tell them apart. */
export function placed(sites: readonly SiteOut[]): boolean {
  const places = new Set(sites.map((site) => `${site.lon.toFixed(2)},${site.lat.toFixed(2)}`));
  return places.size > Math.max(1, sites.length / 4);
}

function sunflower(at: number): Point {
  const [radius, angle] = [SPACE * 0.5 * Math.sqrt(at + 0.5), at * Math.PI * (3 - Math.sqrt(5))];
  return [radius * Math.cos(angle), radius * Math.sin(angle)];
}

function mean(bodies: readonly Body[]): Point {
  const sum = bodies.reduce<Point>(([x, y], body) => [x + (body.x ?? 0), y + (body.y ?? 0)], [0, 0]);
  return [sum[0] / Math.max(1, bodies.length), sum[1] / Math.max(1, bodies.length)];
}

function fitted(bodies: readonly Body[], box: Box): Map<string, Point> {
  const [x, y] = [bodies.map((body) => body.x ?? 0), bodies.map((body) => body.y ?? 0)];
  const [left, right] = [Math.min(...x), Math.max(...x)];
  const [top, bottom] = [Math.min(...y), Math.max(...y)];
  const k = Math.min((box.right - box.left) / Math.max(1, right - left), (box.bottom - box.top) / Math.max(1, bottom - top));
  const [dx, dy] = [(box.left + box.right - k * (left + right)) / 2, (box.top + box.bottom - k * (top + bottom)) / 2];
  return new Map(bodies.map((body) => [body.id, [(body.x ?? 0) * k + dx, (body.y ?? 0) * k + dy]]));
}
