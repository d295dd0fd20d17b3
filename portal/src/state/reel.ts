// A stretch of time as it was read at once: of any instant in it, how every link was, or is booked to be.
import type { BookedOut, MomentsOut } from "../api/schema";
import type { Moment } from "./store";

export interface Reel {
  readonly kind: Moment["kind"];
  readonly from_ms: number;
  readonly until_ms: number;
  /** How finely it was asked for, in seconds; 0 is exactly. What is not kept so finely is told more coarsely. */
  readonly step_s: number;
  /** Of an instant in it; the same object as long as nothing changes. */
  at(at_ms: number): Moment;
}

const NONE: ReadonlySet<string> = new Set();

/** Steps that are asked for, in seconds. */
const STEPS_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600];
/** So many moments are read at once where there are few links, and so many figures where there are very many. */
const MOMENTS = 60;
const FIGURES = { measured: 300_000, booked: 25_000 } as const;
/** From so many links on, a moment is shown for as long as a second of the page. */
const MANY_LINKS = 1000;
/** The calendar is read at least so far. */
const BOOKED_MS = 600_000;

/** How finely, and how much at once, is read for so many links at a speed. */
export function pieceOf(kind: Moment["kind"], speed: number, links: number): { step_s: number; span_ms: number } {
  const wanted_s = speed * (links >= MANY_LINKS ? 1 : 0.25);
  const step_s = STEPS_S.find((step) => step >= wanted_s) ?? 3600;
  const moments = Math.max(4, Math.min(MOMENTS, Math.floor(FIGURES[kind] / Math.max(1, links))));
  const span_ms = moments * step_s * 1000;
  return { step_s, span_ms: kind === "booked" ? Math.max(BOOKED_MS, span_ms) : span_ms };
}

/** What was measured, step by step. */
export function measuredReel(found: MomentsOut, from_ms: number, until_ms: number, step_s: number): Reel {
  const [begin_ms, step_ms] = [Date.parse(found.from), found.step_s * 1000];
  let [last, shown]: [number, Moment | null] = [-1, null];
  const at = (at_ms: number): Moment => {
    const number = Math.max(0, Math.floor((at_ms - begin_ms) / step_ms));
    if (shown !== null && number === last) return shown;
    const moment = found.moments[number];
    const gbps = new Map<string, number>();
    moment?.carried_gbps.forEach((value, place) => {
      const link = found.links[place];
      if (value !== null && link !== undefined) gbps.set(link, value);
    });
    const from = begin_ms + number * step_ms;
    last = number;
    shown = { kind: "measured", from_ms: from, until_ms: from + step_ms, gbps, down: new Set(moment?.down) };
    return shown;
  };
  return { kind: "measured", from_ms, until_ms, step_s, at };
}

/** What the calendar has, change by change. */
export function bookedReel(found: BookedOut): Reel {
  const [from_ms, until_ms] = [Date.parse(found.at), Date.parse(found.until)];
  const times = found.changes.map((change) => Date.parse(change.at));
  let [done, shown]: [number, Moment | null] = [-1, null];
  const at = (at_ms: number): Moment => {
    const next = times.findIndex((time) => time > at_ms);
    const number = next < 0 ? times.length : next;
    if (shown !== null && number === done) return shown;
    // Forward from what there is; back from the beginning.
    const forward = shown !== null && number > done;
    const gbps = new Map(forward && shown !== null ? shown.gbps : Object.entries(found.links));
    for (const change of found.changes.slice(forward ? done : 0, number))
      for (const [link, value] of Object.entries(change.links)) gbps.set(link, value);
    done = number;
    const since = number === 0 ? from_ms : (times[number - 1] ?? from_ms);
    shown = { kind: "booked", from_ms: since, until_ms: times[number] ?? Math.max(until_ms, from_ms + 1), gbps, down: NONE };
    return shown;
  };
  return { kind: "booked", from_ms, until_ms, step_s: 0, at };
}

/** A time of which nothing is known, so that one gets past it. */
export function unknownReel(kind: Moment["kind"], from_ms: number, until_ms: number, step_s: number): Reel {
  const moment: Moment = { kind, from_ms, until_ms, gbps: new Map(), down: NONE };
  return { kind, from_ms, until_ms, step_s, at: () => moment };
}
