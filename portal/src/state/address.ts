// What is shown is the address: every selection, view and place is a link that one can send, and Back undoes it.

export const SELECTABLE = ["link", "fibre", "site", "service", "incident"] as const;
export type Kind = (typeof SELECTABLE)[number];

export interface Selection {
  kind: Kind;
  id: string;
}

/** What is swept: failures of a kind, or growth. */
export const SWEEPS = ["all", "groups", "fibres", "sites", "growth"] as const;
export type Sweep = (typeof SWEEPS)[number];

/** Seconds of the network that pass in one of the page, while it plays. */
export const SPEEDS = [1, 10, 60, 360, 3600] as const;
export type Speed = (typeof SPEEDS)[number];

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
  /** Whether it plays on from there, and how fast. */
  play: Speed | null;
  /** Which side of what is selected is open, by its name in `panels`. */
  tab: string | null;
  /** Between which sites an order is drawn up: `site>site`. */
  ends: string | null;
  sweep: Sweep | null;
  /** The failure of a sweep that is looked at. */
  failure: string | null;
  /** So many times what is admitted. */
  grow: number | null;
  /** What has failed meanwhile. */
  without: string | null;
  /** The fibre, or the site, whose drain is previewed on the side that is open. */
  preview: string | null;
}

export const NOWHERE: Address = {
  selection: null,
  view: "map",
  place: null,
  at: null,
  play: null,
  tab: null,
  ends: null,
  sweep: null,
  failure: null,
  grow: null,
  without: null,
  preview: null,
};

/** What goes when something else is selected, or another side of it is opened. */
export const OF_A_SIDE = { preview: null } as const;

/** What goes when another place is opened. */
export const OF_A_PLACE = { ends: null, sweep: null, failure: null, grow: null, without: null } as const;

/** Growth that is worked out: as the slider has it. */
export const GROWTH = { least: 1, most: 4, step: 0.1 } as const;

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
    else if (name === "play") found.play = SPEEDS.find((known) => String(known) === value) ?? null;
    else if (name === "sweep") found.sweep = SWEEPS.find((known) => known === value) ?? null;
    else if (name === "failure") found.failure = value;
    else if (name === "without") found.without = value;
    else if (name === "preview") found.preview = value;
    else if (name === "grow") found.grow = growth(Number(value));
  }
  return found;
}

/** A growth that the slider has; null for what is none. */
function growth(times: number): number | null {
  return times >= GROWTH.least && times <= GROWTH.most ? Math.round(times * 10) / 10 : null;
}

/** The fragment of an address; empty where nothing is chosen. */
export function format(address: Address): string {
  const { selection, view, place, at, play, tab, ends, sweep, failure, grow, without, preview } = address;
  const parts: string[] = [];
  if (selection !== null) parts.push(`${selection.kind}=${encoded(selection.id)}`);
  if (tab !== null && selection !== null) parts.push(`tab=${tab}`);
  if (preview !== null && selection !== null) parts.push(`preview=${encoded(preview)}`);
  if (view !== "map") parts.push(`view=${view}`);
  if (place !== null) parts.push(`place=${place}`);
  if (at !== null) parts.push(`at=${encoded(at)}`);
  if (play !== null && at !== null) parts.push(`play=${String(play)}`);
  if (ends !== null) parts.push(`ends=${encoded(ends)}`);
  if (sweep !== null) parts.push(`sweep=${sweep}`);
  if (failure !== null) parts.push(`failure=${encoded(failure)}`);
  if (grow !== null) parts.push(`grow=${grow.toFixed(1)}`);
  if (without !== null) parts.push(`without=${encoded(without)}`);
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
