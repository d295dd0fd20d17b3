// A titled list of things, each perhaps a way to what it names.
import type { Selection } from "../state/address";
import { pick } from "../state/go";
import { useStore } from "../page";
import { Part } from "./Part";

export interface Item {
  title: string;
  note?: string;
  /** A state word that colours the item's dot. */
  state?: string;
  to?: Selection;
}

interface Props {
  title: string;
  empty: string;
  of: readonly Item[];
  /** Of a path: one stop after the other. */
  stops?: boolean;
  /** Notes are sentences, under what they are of. */
  tall?: boolean;
}

export function Items({ title, empty, of, stops = false, tall = false }: Props) {
  const rows = of.map((item, at) => <Row key={`${at} ${item.to?.id ?? item.title}`} item={item} look={tall ? "item tall" : "item"} />);
  return (
    <Part title={title} count={of.length}>
      {stops ? <ol class="items stops">{rows}</ol> : <ul class="items">{rows}</ul>}
      {of.length === 0 && <p class="nothing">{empty}</p>}
    </Part>
  );
}

function Row({ item: { title, note, state, to }, look }: { item: Item; look: string }) {
  const store = useStore();
  const inner = (
    <>
      {state !== undefined && <span class="dot" data-state={state} aria-hidden="true" />}
      <span class="item-title">{title}</span>
      {note !== undefined && <span class="item-note">{note}</span>}
    </>
  );
  return (
    <li>
      {to === undefined ? (
        <span class={look}>{inner}</span>
      ) : (
        <button class={look} type="button" onClick={() => pick(store, to)}>
          {inner}
        </button>
      )}
    </li>
  );
}
