// What is beside the map: lists, an order, the time line. A new one is a file with a `Place` and a line in the registry.
import type { ComponentType } from "preact";
import type { Store } from "../state/store";

export interface Place {
  /** Its name in the address; the first place has none. */
  id: string;
  title: string;
  Body: ComponentType;
  /** Whether it is for who looks; always if left out. */
  shown?: (store: Store) => boolean;
}
