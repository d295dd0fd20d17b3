// What a link looks like: a width for its capacity, a step of the colour ramp for its load. The colours themselves are
// in the style sheet, one ramp a theme, so a change of theme recomputes nothing.

/** Upper bounds of the ramp's steps, as a share of capacity; step 0 is a link that carries nothing. */
export const STEPS = [0.1, 0.25, 0.5, 0.75, 0.9, 1] as const;

/** Less than this is noise of a counter, not traffic. */
const IDLE = 1e-6;

export function load(carried: number, capacity: number): number {
  if (!(capacity > 0) || !Number.isFinite(carried)) return 0;
  return Math.max(0, carried / capacity);
}

export function step(share: number): number {
  if (share < IDLE) return 0;
  const found = STEPS.findIndex((bound) => share <= bound);
  return found < 0 ? STEPS.length : found + 1;
}

/** Pixels for a capacity: area reads as quantity, so the root; never so thin that it vanishes. */
export function width(capacity: number, largest: number): number {
  if (!(largest > 0) || !(capacity > 0)) return 1.2;
  return Math.max(1.2, 4.2 * Math.sqrt(Math.min(1, capacity / largest)));
}

/** Seconds that a dash takes along its gap: the fuller, the faster. */
export function pace(share: number): string {
  if (share < IDLE) return "none";
  return share < 0.25 ? "slow" : share < 0.75 ? "medium" : "fast";
}

/** A load as an attribute: four digits tell 10 Gbit/s on 25.6 Tbit/s from nothing. */
export function loadText(share: number): string {
  return String(Math.round(share * 1e4) / 1e4);
}
