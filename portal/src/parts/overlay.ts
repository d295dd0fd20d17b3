// What a flow shows over the map while it is there: of several the last that came, and when that goes the one before.
import { useEffect } from "preact/hooks";
import { useStore } from "../page";
import type { Overlay, Store } from "../state/store";

const layers = new WeakMap<Store, Overlay[]>();

/** Shows an overlay until the component goes or has another; `null` shows nothing. Give the same object while it is the same. */
export function useOverlay(overlay: Overlay | null): void {
  const store = useStore();
  useEffect(() => (overlay === null ? undefined : lay(store, overlay)), [store, overlay]);
}

/** Lays an overlay on the map; what is answered takes it away. */
export function lay(store: Store, overlay: Overlay): () => void {
  const held = layers.get(store) ?? [];
  layers.set(store, held);
  held.push(overlay);
  store.change({ overlay });
  return () => {
    held.splice(held.indexOf(overlay), 1);
    store.change({ overlay: held.at(-1) ?? null });
  };
}
