// A week of free capacity as days and hours by the viewer's clock: where an hour comes twice or is left out, when clocks
// change, the day has as many as it has.
import type { FreeOut } from "../../api/schema";

export interface Cell {
  start: string;
  end: string;
  free_gbps: number;
  /** How much of the most of the week it is, in sevenths: 0 is nothing, 6 the most. */
  level: number;
  /** Whether it has as much as was asked for. */
  enough: boolean;
}

export interface Day {
  /** Midnight, or the first hour that there is. */
  at: string;
  /** By the hour of the clock; null is no hour of the week that is shown. */
  cells: (Cell | null)[];
}

const HOURS = 24;
const LEVELS = 6;

export function days(hours: readonly FreeOut[], asked_gbps: number): Day[] {
  const most = Math.max(...hours.map((hour) => hour.free_gbps), 0);
  const found = new Map<string, Day>();
  for (const { start, end, free_gbps } of hours) {
    const at = new Date(start);
    const key = `${String(at.getFullYear())} ${String(at.getMonth())} ${String(at.getDate())}`;
    const day = found.get(key) ?? { at: start, cells: Array.from({ length: HOURS }, () => null) };
    found.set(key, day);
    const level = most > 0 ? Math.ceil((free_gbps / most) * LEVELS) : 0;
    const cell = { start, end, free_gbps, level, enough: free_gbps >= asked_gbps };
    const before = day.cells[at.getHours()] ?? null;
    // Of an hour that comes twice the fuller one is shown: what is free in both.
    day.cells[at.getHours()] = before !== null && before.free_gbps < free_gbps ? before : cell;
  }
  return [...found.values()];
}

/** The cell that an arrow key leads to, as its row and column; where there is none, where one was. */
export function move(of: readonly Day[], [row, column]: readonly [number, number], key: string): [number, number] {
  const by: Record<string, [number, number]> = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
  const there = (r: number, c: number): boolean => (of[r]?.cells[c] ?? null) !== null;
  const [down, right] = by[key] ?? [0, 0];
  if (key === "Home") return [row, Math.max(0, of[row]?.cells.findIndex((cell) => cell !== null) ?? 0)];
  if (key === "End") return [row, Math.max(0, of[row]?.cells.findLastIndex((cell) => cell !== null) ?? 0)];
  let [r, c] = [row + down, column + right];
  if (c < 0) [r, c] = [r - 1, HOURS - 1];
  if (c >= HOURS) [r, c] = [r + 1, 0];
  return there(r, c) ? [r, c] : [row, column];
}
