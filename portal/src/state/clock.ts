// The controller's time, for what is counted from now: a viewer's clock may be wrong.
import type { Store } from "./store";

/** Clocks that are further apart than this are said to be. */
export const APART_MS = 30_000;
/** A sample is a moment old when it comes; what is less than this is no news of a clock. */
const NEWS_MS = 3000;

/** What the controller's clock says now, in milliseconds. */
export function now(store: Pick<Store, "skew_ms">): number {
  return Date.now() + store.skew_ms;
}

/** How far the controller's clock is ahead of ours, by a sample that has just come; as it was where that is no news. */
export function skew(was_ms: number, sample_at: string, own_ms: number): number {
  const is_ms = Date.parse(sample_at) - own_ms;
  return Math.abs(is_ms - was_ms) < NEWS_MS ? was_ms : is_ms;
}
