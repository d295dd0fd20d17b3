// The line of time: what is on it, and from when until when it goes.
import { fibreName, titleOf } from "./naming";
import type { Selection } from "./address";
import type { State, Store } from "./store";

export interface Stretch {
  key: string;
  title: string;
  kind: "incident" | "maintenance";
  begin_ms: number;
  end_ms: number | null;
  to: Selection | null;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Incidents and drains as stretches of time, the newest first. */
export function stretches(state: State): Stretch[] {
  const failed = state.incidents.map((one): Stretch => ({
    key: one.id,
    title: titleOf(state, one),
    kind: "incident",
    begin_ms: Date.parse(one.opened),
    end_ms: one.closed === null ? null : Date.parse(one.closed),
    to: { kind: "incident", id: one.id },
  }));
  const drained = state.maintenances.map((one): Stretch => ({
    key: one.id,
    title: one.fibres.map((fibre) => fibreName(state, fibre)).join(", ") || one.target,
    kind: "maintenance",
    begin_ms: Date.parse(one.start ?? one.started),
    end_ms: one.ended === null ? (one.end === null ? null : Date.parse(one.end)) : Date.parse(one.ended),
    to: one.fibres[0] === undefined ? null : { kind: "fibre", id: one.fibres[0] },
  }));
  return [...failed, ...drained].sort((a, b) => b.begin_ms - a.begin_ms || (a.key < b.key ? -1 : 1));
}

/** From a day ago to a day ahead; further where one looks at something older, or at something later. */
export function range(now_ms: number, all: readonly Stretch[], at_ms: number | null): [number, number] {
  const oldest = Math.min(now_ms - DAY_MS, at_ms ?? now_ms, ...all.slice(0, 50).map((one) => one.begin_ms));
  const latest = Math.max(now_ms + DAY_MS, at_ms ?? now_ms, ...all.slice(0, 50).map((one) => one.begin_ms));
  return [Math.floor(oldest / HOUR_MS) * HOUR_MS, Math.ceil(latest / HOUR_MS) * HOUR_MS];
}

/** The ends of the line as it is now. */
export function limits(store: Store): [number, number] {
  return range(store.now_ms, stretches(store), store.at_ms);
}
