// From site to site with the arrow keys: the map is one stop of Tab, not hundreds.
import type { Point } from "./geometry";

const WAYS: Record<string, Point> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/** Where an arrow key leads: the nearest that way, what lies aside counting double. */
export function next<T extends { at: Point }>(key: string, here: T, all: Iterable<T>): T | null {
  const way = WAYS[key];
  if (way === undefined) return null;
  let best: T | null = null;
  let least = Infinity;
  for (const other of all) {
    const dx = other.at[0] - here.at[0];
    const dy = other.at[1] - here.at[1];
    const ahead = dx * way[0] + dy * way[1];
    const aside = Math.abs(dx * way[1] - dy * way[0]);
    if (other === here || ahead <= 0.5 || aside > ahead * 1.5) continue;
    const cost = ahead + aside * 2;
    if (cost < least) [best, least] = [other, cost];
  }
  return best;
}
