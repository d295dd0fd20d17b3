// A tick that shows something over the map, and takes it away again when one leaves.
import { useMemo, useState } from "preact/hooks";
import type { Overlay } from "../state/store";
import { t } from "../words/en";
import { useOverlay } from "./overlay";

/** Whether it is ticked, and how to tick it. */
export type Tick = readonly [boolean, (shown: boolean) => void];

/** `of` is what the overlay is made from: another one makes another. A `tick` that is kept outlives what is asked anew. */
export function ShowOnMap<T>({ of, overlay, tick }: { of: T; overlay: (of: T) => Overlay; tick?: Tick }) {
  const own = useState(true);
  const [shown, show] = tick ?? own;
  useOverlay(useMemo(() => (shown ? overlay(of) : null), [of, shown]));
  return (
    <label class="tick">
      <input type="checkbox" checked={shown} onChange={() => show(!shown)} />
      {t.panel.showOnMap}
    </label>
  );
}
