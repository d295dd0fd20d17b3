// The moment that the page is set to: whenever another is chosen, what links carried then is read.
import { effect } from "@preact/signals";
import { ask } from "../api/client";
import type { Store } from "./store";

/** Who drags the slider is not asked for at every minute that he passes. */
const PAUSE_MS = 120;

/** Follows what is chosen; the caller's to undo. */
export function followMoment(store: Store): () => void {
  let gone = new AbortController();
  return effect(() => {
    const { at } = store.address;
    gone.abort();
    gone = new AbortController();
    const { signal } = gone;
    if (at === null || !store.operator) return;
    setTimeout(() => {
      if (!signal.aborted) void read(store, at, signal);
    }, PAUSE_MS);
  });
}

async function read(store: Store, at: string, signal: AbortSignal): Promise<void> {
  try {
    const found = await ask("GET /v1/telemetry/links", { query: { at }, signal });
    store.change({ moment: { at, carried: new Map(Object.entries(found.links)), down: new Set(found.down) } });
  } catch {
    // Then what was down is known from incidents, and loads are not.
    if (!signal.aborted) store.change({ moment: null });
  }
}
