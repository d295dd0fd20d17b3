// A tick that shows something over the map, and takes it away again when one leaves.
import { useMemo, useState } from "preact/hooks";
import type { Overlay } from "../state/store";
import { t } from "../words/en";
import { useOverlay } from "./overlay";

/** `of` is what the overlay is made from: another one makes another. */
export function ShowOnMap<T>({ of, overlay, at_first = true }: { of: T; overlay: (of: T) => Overlay; at_first?: boolean }) {
  const [shown, show] = useState(at_first);
  useOverlay(useMemo(() => (shown ? overlay(of) : null), [of, shown]));
  return (
    <label class="tick">
      <input type="checkbox" checked={shown} onChange={() => show(!shown)} />
      {t.panel.showOnMap}
    </label>
  );
}
