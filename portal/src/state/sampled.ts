// What moves, put together from what the stream tells of it: everything at first, then what has changed.
import type { ChangesOut, SampleOut, ServiceRateOut } from "../api/schema";

/** What is known after something more was told; what is known already is changed in place, in a sample of its own. */
export function fold(was: SampleOut | null, told: ChangesOut): SampleOut | null {
  const base: Pick<SampleOut, "links" | "services"> | null = told.whole ? { links: {}, services: {} } : was;
  if (base === null) return null;
  const { links, services } = base;
  Object.assign(links, told.links);
  for (const id of told.links_gone) Reflect.deleteProperty(links, id);
  told.services.services.forEach((id, at) => (services[id] = rateAt(told.services, at)));
  for (const id of told.services_gone) Reflect.deleteProperty(services, id);
  const { fabric, rate_scale, at, sequence, fibres_down, fibres_drained, frozen } = told;
  return { fabric, rate_scale, at, sequence, fibres_down, fibres_drained, frozen, links, services };
}

function rateAt(of: ChangesOut["services"], at: number): ServiceRateOut {
  return {
    state: of.state[at] ?? "",
    offered_gbps: of.offered_gbps[at] ?? 0,
    carried_gbps_there: of.carried_gbps_there[at] ?? 0,
    carried_gbps_back: of.carried_gbps_back[at] ?? 0,
    latency_ms_there: of.latency_ms_there[at] ?? null,
    latency_ms_back: of.latency_ms_back[at] ?? null,
    dark_ms: of.dark_ms[at] ?? 0,
    lost_bytes: of.lost_bytes[at] ?? 0,
  };
}
