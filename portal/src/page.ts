// What every component may reach: what is known, what keeps it so, and the map.
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { MapView } from "./map/view";
import type { Time } from "./state/moment";
import type { Store } from "./state/store";
import type { Sync } from "./state/sync";

export interface Page {
  store: Store;
  sync: Sync;
  map: MapView;
  /** The moment that is shown, standing still or playing. */
  time: Time;
  /** Ends the session and asks for a new one. */
  leave(): void;
}

const context = createContext<Page | null>(null);
export const PageProvider = context.Provider;

export function usePage(): Page {
  const page = useContext(context);
  if (page === null) throw new Error("a component is drawn outside the page");
  return page;
}

export function useStore(): Store {
  return usePage().store;
}
