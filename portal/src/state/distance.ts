// How far light comes along the network's own fibre: from a site to every other, and what is within a time of it.
import type { LinkOut } from "../api/schema";
import type { Contour } from "./store";

/** One-way latency from a site to each that it reaches over these links, by Dijkstra; the site itself is 0. */
export function distances(links: readonly LinkOut[], from: string): Map<string, number> {
  const out = new Map<string, LinkOut[]>();
  for (const link of links) {
    const known = out.get(link.tail);
    if (known === undefined) out.set(link.tail, [link]);
    else known.push(link);
  }
  const found = new Map<string, number>();
  const heap: [number, string][] = [[0, from]];
  for (let next = pop(heap); next !== undefined; next = pop(heap)) {
    const [at_ms, site] = next;
    if (found.has(site)) continue;
    found.set(site, at_ms);
    for (const { head, latency_ms } of out.get(site) ?? []) if (!found.has(head)) push(heap, [at_ms + latency_ms, head]);
  }
  return found;
}

/** For each time, the pieces of links that light is on within it. */
export function contoursOf(links: readonly LinkOut[], ms_to: ReadonlyMap<string, number>, bands_ms: readonly number[]): Contour[] {
  return bands_ms.map((within_ms) => ({
    within_ms,
    pieces: links.flatMap(({ id, tail, latency_ms }) => {
      const left_ms = within_ms - (ms_to.get(tail) ?? Infinity);
      if (left_ms < 0) return [];
      return [{ link: id, share: latency_ms > 0 ? Math.min(1, left_ms / latency_ms) : 1 }];
    }),
  }));
}

/** The first band that has it; the number of bands where none does. */
export function bandOf(at_ms: number, bands_ms: readonly number[]): number {
  const band = bands_ms.findIndex((within_ms) => at_ms <= within_ms + 1e-9);
  return band < 0 ? bands_ms.length : band;
}

function push(heap: [number, string][], item: [number, string]): void {
  heap.push(item);
  let at = heap.length - 1;
  while (at > 0) {
    const up = (at - 1) >> 1;
    if ((heap[up] as [number, string])[0] <= item[0]) break;
    heap[at] = heap[up] as [number, string];
    at = up;
  }
  heap[at] = item;
}

function pop(heap: [number, string][]): [number, string] | undefined {
  const [first] = heap;
  const last = heap.pop();
  if (first === undefined || last === undefined || heap.length === 0) return first;
  let at = 0;
  for (;;) {
    let down = 2 * at + 1;
    if (down >= heap.length) break;
    const right = heap[down + 1];
    if (right !== undefined && right[0] < (heap[down] as [number, string])[0]) down += 1;
    if ((heap[down] as [number, string])[0] >= last[0]) break;
    heap[at] = heap[down] as [number, string];
    at = down;
  }
  heap[at] = last;
  return first;
}
