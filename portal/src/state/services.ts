// What the page works out about services from what it knows: their states now, who crosses what, and sums.
import type { PathOut, ServiceOut } from "../api/schema";
import type { State } from "./store";

/** A service's states that end it. */
export const ENDED: ReadonlySet<string> = new Set(["REJECTED", "CANCELLED", "EXPIRED", "FAILED", "TERMINATED"]);

/** So many services that have ended are kept, for who looks at one while it ends. */
export const KEPT = 200;

/** Without the oldest of those that have ended, where there are too many; what is looked at stays. */
export function kept(services: ReadonlyMap<string, ServiceOut>, chosen: string | null): ReadonlyMap<string, ServiceOut> {
  const over = [...services.values()].filter(({ id, state }) => ENDED.has(state) && id !== chosen);
  if (over.length <= KEPT) return services;
  const now = new Map(services);
  for (const { id } of over.slice(0, over.length - KEPT)) now.delete(id);
  return now;
}

/** Both directions of one way. */
export interface Ways {
  there: PathOut | null;
  back: PathOut | null;
}

/** A service's state: the sample's is newer than the record that we fetched, until the record says that it ended. */
export function stateNow(state: State, service: ServiceOut): string {
  if (ENDED.has(service.state)) return service.state;
  return state.sample?.services[service.id]?.state ?? service.state;
}

export function live(state: State): ServiceOut[] {
  return [...state.services.values()].filter((service) => !ENDED.has(stateNow(state, service)));
}

export interface Totals {
  active: number;
  degraded: number;
  carried_gbps: number;
}

export function totals(state: State): Totals {
  const sum: Totals = { active: 0, degraded: 0, carried_gbps: 0 };
  for (const service of state.services.values()) {
    const now = stateNow(state, service);
    if (now === "ACTIVE") sum.active += 1;
    else if (now === "DEGRADED") sum.degraded += 1;
  }
  for (const rate of Object.values(state.sample?.services ?? {}))
    sum.carried_gbps += rate.carried_gbps_there + rate.carried_gbps_back;
  return sum;
}

/** What a link carries, in Gbit/s. */
export function carriedOn(state: State, link: string): number {
  return state.sample?.links[link] ?? 0;
}

/** Every way that carries traffic of a service. */
export function waysOf(service: ServiceOut): Ways[] {
  return service.branches.length > 0 ? service.branches : [service];
}

/** Services that a link carries, in either direction of theirs. */
export function servicesOn(state: State, links: readonly string[]): ServiceOut[] {
  const wanted = new Set(links);
  const uses = (path: PathOut | null): boolean => path?.links.some((link) => wanted.has(link)) ?? false;
  const on = (service: ServiceOut): boolean => waysOf(service).some(({ there, back }) => uses(there) || uses(back));
  return live(state).filter(on);
}

/** Services that end at a site. */
export function servicesAt(state: State, site: string): ServiceOut[] {
  return live(state).filter((service) => service.from.site === site || service.to.site === site);
}
