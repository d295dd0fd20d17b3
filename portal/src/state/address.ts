// What is shown is the address: every selection, view and place is a link that one can send, and Back undoes it.

export const SELECTABLE = ["link", "fibre", "site", "service", "incident"] as const;
export type Kind = (typeof SELECTABLE)[number];

export interface Selection {
  kind: Kind;
  id: string;
}

/** How the network is laid out: where it lies, untangled, or as a table. */
export const VIEWS = ["map", "logical", "table"] as const;
export type View = (typeof VIEWS)[number];

export interface Address {
  selection: Selection | null;
  view: View;
  /** Which place beside the map is open, by its name in `places`. */
  place: string | null;
  /** The moment that is shown, RFC 3339; null is now. */
  at: string | null;
  /** Which side of what is selected is open, by its name in `panels`. */
  tab: string | null;
  /** Between which sites an order is drawn up: `site>site`. */
  ends: string | null;
}

export const NOWHERE: Address = { selection: null, view: "map", place: null, at: null, tab: null, ends: null };

/** What an address' fragment shows; what is no word of ours is left out. */
export function parse(hash: string): Address {
  const found: Address = { ...NOWHERE };
  for (const part of hash.replace(/^#/, "").split("&")) {
    const match = /^([a-z]+)=(.+)$/s.exec(part);
    const [name, value] = [match?.[1], decoded(match?.[2])];
    if (name === undefined || value === null) continue;
    const kind = SELECTABLE.find((known) => known === name);
    if (kind !== undefined) found.selection = { kind, id: value };
    else if (name === "view") found.view = VIEWS.find((known) => known === value) ?? "map";
    else if (name === "place" && /^[a-z-]+$/.test(value)) found.place = value;
    else if (name === "at" && !Number.isNaN(Date.parse(value))) found.at = value;
    else if (name === "tab" && /^[a-z-]+$/.test(value)) found.tab = value;
    else if (name === "ends") found.ends = value;
  }
  return found;
}

/** The fragment of an address; empty where nothing is chosen. */
export function format({ selection, view, place, at, tab, ends }: Address): string {
  const parts: string[] = [];
  if (selection !== null) parts.push(`${selection.kind}=${encoded(selection.id)}`);
  if (tab !== null && selection !== null) parts.push(`tab=${tab}`);
  if (view !== "map") parts.push(`view=${view}`);
  if (place !== null) parts.push(`place=${place}`);
  if (at !== null) parts.push(`at=${encoded(at)}`);
  if (ends !== null) parts.push(`ends=${encoded(ends)}`);
  return parts.length === 0 ? "" : `#${parts.join("&")}`;
}

/** The one-time code that `highroad up` prints, where the address holds one. */
export function code(hash: string): string | null {
  return decoded(/^#code=(.+)$/.exec(hash)?.[1]);
}

/** What the address says of a sign-in elsewhere: that it went well, or the code of why not. */
export function cameBack(hash: string): string | null {
  if (hash === "#signed-in") return "signed-in";
  return /^#refused=([a-z-]+)$/.exec(hash)?.[1] ?? null;
}

export function same(a: Selection | null, b: Selection | null): boolean {
  return a?.kind === b?.kind && a?.id === b?.id;
}

/** A link's id reads `a>b`: leave what a fragment may hold as it is. */
function encoded(text: string): string {
  return encodeURIComponent(text).replaceAll("%3E", ">").replaceAll("%2F", "/").replaceAll("%3A", ":");
}

function decoded(text: string | undefined): string | null {
  if (text === undefined) return null;
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}
