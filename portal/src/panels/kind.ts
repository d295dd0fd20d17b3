// What there is to say of one kind of thing: a head, and sides that are turned to like pages. A new flow is a file with a
// `Side` and a line in its kind.
import type { ComponentType } from "preact";
import type { Store } from "../state/store";

export interface Head {
  title: string;
  lead: string;
  /** A word of state that has a colour. */
  badge?: string;
}

export interface Side {
  /** Its name in the address. */
  id: string;
  title: string;
  Body: ComponentType<{ id: string }>;
  /** Whether it is for who looks, and for what is looked at; always if left out. */
  shown?: (store: Store, id: string) => boolean;
}

export interface PanelKind {
  what: (store: Store, id: string) => string;
  /** null: there is no such thing that one may see. */
  head: (store: Store, id: string) => Head | null;
  sides: readonly Side[];
}
