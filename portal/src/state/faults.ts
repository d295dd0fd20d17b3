// Which fibres are down or drained, told by two voices: events, which are first, and samples, which are whole. A sample
// that was taken before an event must not undo it, so each fibre remembers the last event that spoke of it.
import type { EventOut, IncidentOut, LinkOut, MaintenanceOut, SampleOut } from "../api/schema";

export interface Faults {
  down: Set<string>;
  drained: Set<string>;
  /** The sequence of the last event about a fibre. */
  told: Map<string, number>;
}

export type LinkState = "up" | "down" | "drained";

export function none(): Faults {
  return { down: new Set(), drained: new Set(), told: new Map() };
}

/** The same in an object of its own, for who compares by that. */
export function copy(faults: Faults): Faults {
  return { down: new Set(faults.down), drained: new Set(faults.drained), told: faults.told };
}

/** Takes a fibre's event in; says whether anything changed. */
export function hear(faults: Faults, event: EventOut): boolean {
  const up = event.type === "highroad.fibre.up";
  if (!up && event.type !== "highroad.fibre.down") return false;
  if ((faults.told.get(event.subject) ?? -1) >= event.sequence) return false;
  faults.told.set(event.subject, event.sequence);
  if (up) return faults.down.delete(event.subject);
  if (faults.down.has(event.subject)) return false;
  faults.down.add(event.subject);
  return true;
}

/** Takes a sample in; says whether anything changed. */
export function see(faults: Faults, sample: SampleOut): boolean {
  const down = new Set(sample.fibres_down);
  for (const [fibre, sequence] of faults.told) {
    if (sequence <= sample.sequence) faults.told.delete(fibre);
    else if (faults.down.has(fibre)) down.add(fibre);
    else down.delete(fibre);
  }
  const drained = new Set(sample.fibres_drained);
  const changed = !equal(down, faults.down) || !equal(drained, faults.drained);
  faults.down = down;
  faults.drained = drained;
  return changed;
}

export function stateOf(link: LinkOut, faults: Faults): LinkState {
  if (link.fibres.some((fibre) => faults.down.has(fibre))) return "down";
  if (link.fibres.some((fibre) => faults.drained.has(fibre))) return "drained";
  return "up";
}

function equal(a: Set<string>, b: Set<string>): boolean {
  return a.size === b.size && [...a].every((item) => b.has(item));
}

/** What will be drained at a moment to come, as it is booked. What is down now is taken for mended by then. */
export function faultsBooked(at_ms: number, maintenances: readonly MaintenanceOut[]): Faults {
  const faults = none();
  for (const drain of maintenances) {
    const [begin, end] = [Date.parse(drain.start ?? drain.started), drain.end === null ? Infinity : Date.parse(drain.end)];
    if (drain.ended === null && begin <= at_ms && at_ms < end) for (const fibre of drain.fibres) faults.drained.add(fibre);
  }
  return faults;
}

/** What was down or drained at a moment, as incidents and maintenances tell afterwards. */
export function faultsAt(
  at_ms: number,
  incidents: readonly IncidentOut[],
  maintenances: readonly MaintenanceOut[],
): Faults {
  const then = (begin: string | null, end: string | null): boolean =>
    begin !== null && Date.parse(begin) <= at_ms && (end === null || at_ms < Date.parse(end));
  const faults = none();
  for (const incident of incidents) {
    if (incident.faults.length === 0 && then(incident.opened, incident.closed))
      for (const fibre of incident.fibres) faults.down.add(fibre);
    for (const fault of incident.faults) if (then(fault.since, fault.back)) faults.down.add(fault.fibre);
  }
  for (const drain of maintenances) {
    if (then(drain.start ?? drain.started, drain.ended)) for (const fibre of drain.fibres) faults.drained.add(fibre);
  }
  return faults;
}

export function fibreState(faults: Faults, id: string): LinkState {
  return faults.down.has(id) ? "down" : faults.drained.has(id) ? "drained" : "up";
}
