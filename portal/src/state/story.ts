// Who moved in an incident that is looked back at: the paths that its services had, read once for all of it.
import { effect } from "@preact/signals";
import { ask } from "../api/client";
import type { EventOut, IncidentOut } from "../api/schema";
import type { Route, Stay, Store } from "./store";

/** So long before and after it an incident is looked at, UTC milliseconds. */
const AROUND_MS = 300_000;
/** Of so many services the paths are read; more lines nobody could tell apart. */
export const MOST_MOVED = 24;
const MOST_EVENTS = 1000;

/** The incident that a moment is of: the one that is selected, else the last that opened. */
export function incidentAt(store: Store): IncidentOut | null {
  const { at_ms, selection } = store;
  if (at_ms === null) return null;
  const then = store.incidents.filter(({ opened, closed }) => {
    const end_ms = closed === null ? Infinity : Date.parse(closed);
    return Date.parse(opened) - AROUND_MS <= at_ms && at_ms <= end_ms + AROUND_MS;
  });
  const chosen = selection?.kind === "incident" ? then.find((one) => one.id === selection.id) : undefined;
  const last = [...then].sort((a, b) => Date.parse(b.opened) - Date.parse(a.opened));
  return chosen ?? last.find((one) => Date.parse(one.opened) <= at_ms) ?? last[0] ?? null;
}

/** The services that an incident touched, those that were dark first. */
export function touchedBy(incident: IncidentOut): string[] {
  const told = incident.timeline.flatMap((entry) => (entry.service === null ? [] : [entry.service]));
  return [...new Set([...incident.outages.map((one) => one.service), ...told])];
}

/** The paths that events tell of. */
export function staysOf(events: readonly EventOut[]): Stay[] {
  const found: Stay[] = [];
  for (const { time, data } of events) {
    const sites = data["path"];
    if (!Array.isArray(sites) || sites.length === 0 || !sites.every((site): site is string => typeof site === "string")) continue;
    if (found.at(-1)?.sites.join(" ") !== sites.join(" ")) found.push({ at_ms: Date.parse(time), sites });
  }
  return found;
}

/** Reads the paths of whoever an incident touched, whenever another is looked at; the caller's to undo. */
export function followStory(store: Store): () => void {
  let gone = new AbortController();
  let reading: string | null = null;
  return effect(() => {
    const incident = store.ahead ? null : incidentAt(store);
    const touched = incident === null ? [] : touchedBy(incident).slice(0, MOST_MOVED);
    const key = incident === null ? null : `${incident.id} ${String(incident.timeline.length)} ${touched.join(" ")}`;
    if (key === reading) return;
    reading = key;
    gone.abort();
    gone = new AbortController();
    if (incident === null) store.change({ story: null });
    else void read(store, incident.id, touched, gone.signal);
  });
}

async function read(store: Store, incident: string, services: readonly string[], signal: AbortSignal): Promise<void> {
  const paths = new Map<string, readonly Stay[]>();
  try {
    await Promise.all(
      services.map(async (subject) => {
        const { items } = await ask("GET /v1/events", { query: { subject, after: 0, limit: MOST_EVENTS }, signal });
        paths.set(subject, staysOf(items));
      }),
    );
  } catch {
    // Then nobody is shown to move.
  }
  if (!signal.aborted) store.change({ story: { incident, paths } });
}

/** Who had moved by the moment that is shown: from where, and to where. */
export function movesAt(store: Store): Route[] {
  const { story, at_ms } = store;
  const incident = store.incidents.find((one) => one.id === story?.incident);
  if (story === null || at_ms === null || incident === undefined || store.ahead) return [];
  const opened_ms = Date.parse(incident.opened);
  const at = (stays: readonly Stay[], ms: number): Stay | undefined => stays.findLast((stay) => stay.at_ms <= ms);
  return [...story.paths].flatMap(([service, stays]) => {
    const [first, now] = [at(stays, opened_ms), at(stays, at_ms)];
    if (first === undefined || now === undefined || at_ms < opened_ms || first === now) return [];
    if (first.sites.join(" ") === now.sites.join(" ")) return [];
    return [
      { service, way: "left", sites: first.sites, links: [] },
      { service, way: "took", sites: now.sites, links: [] },
    ] satisfies Route[];
  });
}
