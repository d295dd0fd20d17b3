// A tick that shows something over the map, and takes it away again when one leaves.
import { useEffect, useState } from "preact/hooks";
import { useStore } from "../page";
import type { Overlay } from "../state/store";
import { t } from "../words/en";

/** `of` is what the overlay is made from: another one makes another. */
export function ShowOnMap<T>({ of, overlay, at_first = true }: { of: T; overlay: (of: T) => Overlay; at_first?: boolean }) {
  const store = useStore();
  const [shown, show] = useState(at_first);
  useEffect(() => {
    store.change({ overlay: shown ? overlay(of) : null });
    return () => store.change({ overlay: null });
  }, [of, shown]);
  return (
    <label class="tick">
      <input type="checkbox" checked={shown} onChange={() => show(!shown)} />
      {t.panel.showOnMap}
    </label>
  );
}
