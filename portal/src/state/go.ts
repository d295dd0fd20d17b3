// Going somewhere: what one clicks becomes the address, and the address what is shown.
import { format, OF_A_SIDE, parse, same, type Address, type Selection } from "./address";
import type { Store } from "./store";

/** Shows something else: a step that Back undoes, or, where it is none, the same step told more exactly. */
export function go(store: Store, to: Partial<Address>, step = true): void {
  const now = store.address;
  const next: Address = { ...now, ...to };
  const hash = format(next);
  if (hash === format(now)) return;
  const address = hash === "" ? location.pathname + location.search : hash;
  if (step) history.pushState(null, "", address);
  else history.replaceState(null, "", address);
  store.change({ address: next });
}

/** Selects something, or nothing. */
export function pick(store: Store, selection: Selection | null): void {
  if (!same(selection, store.selection)) go(store, { selection, tab: null, ...OF_A_SIDE });
}

/** Follows the address; the caller's to undo. */
export function follow(store: Store): () => void {
  const read = (): void => store.change({ address: parse(location.hash) });
  read();
  window.addEventListener("hashchange", read);
  window.addEventListener("popstate", read);
  return () => {
    window.removeEventListener("hashchange", read);
    window.removeEventListener("popstate", read);
  };
}
