// The road's geometry: great circles on the map, and lanes to the right of the middle, so that the two directions of a
// link run side by side and never hide each other.
import { geoDistance, geoInterpolate } from "d3-geo";

export type Point = [number, number];
export type Project = (lonLat: Point) => Point | null;

/** A great circle as polylines on the map: one, or two where the map's edge tears it. */
export function geodesic(from: Point, to: Point, project: Project, torn: number): Point[][] {
  const angle = geoDistance(from, to);
  const pieces = Math.max(1, Math.min(48, Math.ceil(angle / 0.035)));
  const along = geoInterpolate(from, to);
  const lines: Point[][] = [];
  let line: Point[] = [];
  for (let piece = 0; piece <= pieces; piece += 1) {
    const point = project(piece === 0 ? from : piece === pieces ? to : along(piece / pieces));
    const last = line.at(-1);
    if (point === null || (last !== undefined && Math.hypot(point[0] - last[0], point[1] - last[1]) > torn)) {
      if (line.length > 1) lines.push(line);
      line = [];
    }
    if (point !== null) line.push(point);
  }
  if (line.length > 1) lines.push(line);
  return lines;
}

/** The line moved to its right by so many pixels (screen coordinates: y grows downwards). */
export function offset(line: readonly Point[], by: number): Point[] {
  return line.map((point, at) => {
    const before = line[Math.max(0, at - 1)] ?? point;
    const after = line[Math.min(line.length - 1, at + 1)] ?? point;
    const dx = after[0] - before[0];
    const dy = after[1] - before[1];
    const length = Math.hypot(dx, dy);
    return length === 0 ? point : [point[0] - (dy / length) * by, point[1] + (dx / length) * by];
  });
}

export function toPath(lines: readonly (readonly Point[])[]): string {
  return lines
    .map((line) => line.map(([x, y], at) => `${at === 0 ? "M" : "L"}${x.toFixed(1)},${y.toFixed(1)}`).join(""))
    .join("");
}

/** The same lines with their outer ends moved to where the sites are drawn. */
export function anchored(lines: readonly (readonly Point[])[], start: Point, end: Point): Point[][] {
  return lines.map((line, at) => {
    const moved = [...line];
    if (at === 0) moved[0] = start;
    if (at === lines.length - 1) moved[moved.length - 1] = end;
    return moved;
  });
}

export interface Strip {
  id: string;
  tail: string;
  head: string;
  width: number;
}

/** How far right of the middle each link's centre line runs: parallel links lie outside one another. */
export function lanes(strips: readonly Strip[], gap: number): Map<string, number> {
  const used = new Map<string, number>();
  const found = new Map<string, number>();
  for (const strip of strips) {
    const way = JSON.stringify([strip.tail, strip.head]);
    const from = used.get(way) ?? gap / 2;
    found.set(strip.id, from + strip.width / 2);
    used.set(way, from + strip.width + gap);
  }
  return found;
}
