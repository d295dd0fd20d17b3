// Which fibres are down or drained, told by two voices: events, which are first, and samples, which are whole. A sample
// that was taken before an event must not undo it, so each fibre remembers the last event that spoke of it.
import type { EventOut, LinkOut, SampleOut } from "./wire";

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
