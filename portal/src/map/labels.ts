// Names on the map without names on names: greedily, the most important first, each at the first of a few places beside
// its site that is free. What finds no place shows when one zooms in.

import type { Box } from "./projection";

export interface Wanted {
  id: string;
  x: number;
  y: number;
  radius: number;
  width: number;
  height: number;
  /** The greater, the sooner. */
  importance: number;
}

export interface Placed {
  id: string;
  x: number;
  y: number;
  anchor: "start" | "middle" | "end";
}

const CELL = 64;

/**
 * At most so many names, all of them inside a box where one is given. `x, y` of what is returned is where the text's
 * baseline starts, is centred, or ends, by `anchor`.
 */
export function place(wanted: readonly Wanted[], most: number, inside?: Box): Placed[] {
  const taken = new Map<string, { box: Box; of: string }[]>();
  for (const one of wanted) {
    const r = one.radius;
    take(taken, { left: one.x - r, right: one.x + r, top: one.y - r, bottom: one.y + r }, one.id);
  }
  const placed: Placed[] = [];
  for (const one of [...wanted].sort((a, b) => b.importance - a.importance || (a.id < b.id ? -1 : 1))) {
    if (placed.length >= most) break;
    for (const option of options(one)) {
      if (inside !== undefined && !within(option.box, inside)) continue;
      if (clashes(taken, option.box, one.id)) continue;
      take(taken, option.box, "");
      placed.push({ id: one.id, x: option.x, y: option.y, anchor: option.anchor });
      break;
    }
  }
  return placed;
}

function* options(one: Wanted): Generator<{ x: number; y: number; anchor: Placed["anchor"]; box: Box }> {
  const { x, y, width, height } = one;
  const gap = one.radius + 4;
  const half = height / 2;
  const rows: [number, number, Placed["anchor"]][] = [
    [x + gap, y, "start"],
    [x - gap, y, "end"],
    [x, y - gap - half, "middle"],
    [x, y + gap + half, "middle"],
    [x + gap * 0.7, y - gap * 0.9, "start"],
    [x + gap * 0.7, y + gap * 0.9, "start"],
    [x - gap * 0.7, y - gap * 0.9, "end"],
    [x - gap * 0.7, y + gap * 0.9, "end"],
  ];
  for (const [tx, middle, anchor] of rows) {
    const left = anchor === "start" ? tx : anchor === "end" ? tx - width : tx - width / 2;
    yield {
      x: tx,
      y: middle + height * 0.32,
      anchor,
      box: { left: left - 2, right: left + width + 2, top: middle - half, bottom: middle + half },
    };
  }
}

function within(box: Box, outer: Box): boolean {
  return box.left >= outer.left && box.right <= outer.right && box.top >= outer.top && box.bottom <= outer.bottom;
}

function* cells(box: Box): Generator<string> {
  for (let i = Math.floor(box.left / CELL); i <= Math.floor(box.right / CELL); i += 1) {
    for (let j = Math.floor(box.top / CELL); j <= Math.floor(box.bottom / CELL); j += 1) yield `${i},${j}`;
  }
}

function take(taken: Map<string, { box: Box; of: string }[]>, box: Box, of: string): void {
  for (const cell of cells(box)) {
    const held = taken.get(cell);
    if (held === undefined) taken.set(cell, [{ box, of }]);
    else held.push({ box, of });
  }
}

function clashes(taken: Map<string, { box: Box; of: string }[]>, box: Box, own: string): boolean {
  for (const cell of cells(box)) {
    for (const other of taken.get(cell) ?? []) {
      if (other.of === own) continue;
      const b = other.box;
      if (box.left < b.right && b.left < box.right && box.top < b.bottom && b.top < box.bottom) return true;
    }
  }
  return false;
}
