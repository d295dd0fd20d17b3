// A service's ways, worked out: what was looked at, the chosen one first, each told by what it has that the chosen one has
// not; and the paths that it had.
import type { HappenedOut, WayOut } from "../../api/schema";
import { siteName, type State } from "../../state/store";
import { t } from "../../words/en";

/** More names than this nobody reads. */
const MOST_NAMES = 5;
const FIRST = ["chosen", "backup"];

export function inOrder(ways: readonly WayOut[]): WayOut[] {
  const rank = ({ verdict }: WayOut): number => (FIRST.includes(verdict) ? FIRST.indexOf(verdict) : FIRST.length);
  return [...ways].sort((a, b) => rank(a) - rank(b));
}

/** A way by the sites that another has not; by its first ones where there is no other. */
export function wayWords(state: Pick<State, "atlas">, sites: readonly string[], other: readonly string[] | null): string {
  const inside = sites.slice(1, -1);
  const own = other === null ? inside : inside.filter((site) => !other.includes(site));
  const told = own.length > 0 ? own : inside;
  if (told.length === 0) return t.prove.direct;
  const names = told.slice(0, MOST_NAMES).map((site) => siteName(state, site));
  return t.prove.by(names.join(", "), told.length - names.length);
}

export interface Past {
  at: string;
  /** Why it came: placed, moved. */
  why: string;
  sites: string[];
  latency_ms: number | null;
  before: string[] | null;
}

/** The paths that a service had, the newest first, each with the one before it. */
export function past(events: readonly HappenedOut[]): Past[] {
  const found: Past[] = [];
  for (const event of events) {
    const sites = event.data["path"];
    if (!Array.isArray(sites) || !sites.every((site): site is string => typeof site === "string") || sites.length === 0) continue;
    const before = found.at(-1)?.sites ?? null;
    if (before !== null && before.join(" ") === sites.join(" ")) continue;
    const kind = event.type.slice(event.type.lastIndexOf(".") + 1);
    const latency = event.data["latency_ms"];
    found.push({ at: event.at, why: t.prove.reasons[kind] ?? kind, sites, latency_ms: typeof latency === "number" ? latency : null, before });
  }
  return found.reverse();
}
