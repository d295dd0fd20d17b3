// Which services begin and end by when, as they are booked.
import type { ServiceOut } from "../api/schema";
import { ENDED } from "./services";

export interface Turn {
  at_ms: number;
  service: ServiceOut;
}

/** In the order of their times. */
export interface Turns {
  begins: readonly Turn[];
  ends: readonly Turn[];
}

/** The windows of a service, as far as they are told, UTC milliseconds. */
function windowsOf(service: ServiceOut): [number, number][] {
  const told = service.windows.length > 0 ? service.windows : [{ start: service.start, end: service.end }];
  return told.map((one) => [Date.parse(one.start), one.end === null ? Infinity : Date.parse(one.end)]);
}

/** Whether a moment is in one of its windows. */
export function openAt(service: ServiceOut, at_ms: number): boolean {
  return windowsOf(service).some(([begin, end]) => begin <= at_ms && at_ms < end);
}

const known = new WeakMap<ReadonlyMap<string, ServiceOut>, { from_ms: number; turns: Turns }>();
/** What is known is good for so long. */
const GOOD_MS = 60_000;

/** What begins and what ends after a moment. */
export function turnsOf(services: ReadonlyMap<string, ServiceOut>, after_ms: number): Turns {
  const before = known.get(services);
  const whole = before !== undefined && Math.abs(after_ms - before.from_ms) < GOOD_MS ? before : { from_ms: after_ms, turns: all(services, after_ms) };
  if (whole !== before) known.set(services, whole);
  const later = (turns: readonly Turn[]): readonly Turn[] => turns.slice(count(turns, after_ms));
  return { begins: later(whole.turns.begins), ends: later(whole.turns.ends) };
}

function all(services: ReadonlyMap<string, ServiceOut>, after_ms: number): Turns {
  const [begins, ends]: [Turn[], Turn[]] = [[], []];
  for (const service of services.values()) {
    if (ENDED.has(service.state)) continue;
    for (const [begin, end] of windowsOf(service)) {
      if (begin > after_ms) begins.push({ at_ms: begin, service });
      if (end > after_ms && end < Infinity) ends.push({ at_ms: end, service });
    }
  }
  const order = (a: Turn, b: Turn): number => a.at_ms - b.at_ms;
  return { begins: begins.sort(order), ends: ends.sort(order) };
}

/** How many of them have come at a moment. */
export function count(turns: readonly Turn[], at_ms: number): number {
  let [low, high] = [0, turns.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((turns[middle] as Turn).at_ms <= at_ms) low = middle + 1;
    else high = middle;
  }
  return low;
}
