// Everything that the page knows, in one place, and who wants to hear of a change. Views read it; only `sync` and the
// selection write it. Changes are told once a frame, however many there were.
import { none, type Faults } from "./faults";
import type { Selection } from "./select";
import type {
  FibreOut,
  IncidentOut,
  LinkOut,
  MaintenanceOut,
  NetworkOut,
  ReachOut,
  RiskGroupOut,
  SampleOut,
  ServiceOut,
  SiteOut,
  WaysOut,
  WhoOut,
} from "./wire";

export type Topic =
  | "network"
  | "services"
  | "sample"
  | "measured"
  | "faults"
  | "incidents"
  | "selection"
  | "reach"
  | "connection";

/** The network with its look-ups. */
export interface Atlas {
  network: NetworkOut;
  site: Map<string, SiteOut>;
  fibre: Map<string, FibreOut>;
  link: Map<string, LinkOut>;
  group: Map<string, RiskGroupOut>;
  linksOn: Map<string, LinkOut[]>;
  linksAt: Map<string, LinkOut[]>;
}

export interface State {
  who: WhoOut;
  atlas: Atlas | null;
  services: Map<string, ServiceOut>;
  sample: SampleOut | null;
  faults: Faults;
  incidents: IncidentOut[];
  maintenances: MaintenanceOut[];
  selection: Selection | null;
  /** null: not asked for. "loading": asked, not answered yet. */
  reach: ReachOut | "loading" | "failed" | null;
  /** The share that was within reach when one began to look, to compare with. */
  reachAtFirst: number | null;
  /** When the last sample came in, by our own clock: the controller's may differ. */
  heardAt: number | null;
  stale: boolean;
}

/** A service's states that end it. */
export const ENDED = new Set(["REJECTED", "CANCELLED", "EXPIRED", "FAILED", "TERMINATED"]);

export class Store {
  readonly state: State;
  private readonly listeners: { topics: Set<Topic>; run: () => void }[] = [];
  private pending = new Set<Topic>();
  private asked = false;

  constructor(who: WhoOut) {
    this.state = {
      who,
      atlas: null,
      services: new Map(),
      sample: null,
      faults: none(),
      incidents: [],
      maintenances: [],
      selection: null,
      reach: null,
      reachAtFirst: null,
      heardAt: null,
      stale: false,
    };
  }

  on(topics: Topic[], run: () => void): void {
    this.listeners.push({ topics: new Set(topics), run });
  }

  touch(...topics: Topic[]): void {
    for (const topic of topics) this.pending.add(topic);
    if (this.asked) return;
    this.asked = true;
    requestAnimationFrame(() => {
      this.asked = false;
      const now = this.pending;
      this.pending = new Set();
      for (const listener of this.listeners) if ([...now].some((topic) => listener.topics.has(topic))) listener.run();
    });
  }
}

export function index(network: NetworkOut): Atlas {
  const linksOn = new Map<string, LinkOut[]>();
  const linksAt = new Map<string, LinkOut[]>();
  const file = (map: Map<string, LinkOut[]>, key: string, link: LinkOut): void => {
    const filed = map.get(key);
    if (filed === undefined) map.set(key, [link]);
    else filed.push(link);
  };
  for (const link of network.links) {
    for (const fibre of new Set(link.fibres)) file(linksOn, fibre, link);
    file(linksAt, link.tail, link);
    file(linksAt, link.head, link);
  }
  return {
    network,
    site: new Map(network.sites.map((site) => [site.id, site])),
    fibre: new Map(network.fibres.map((fibre) => [fibre.id, fibre])),
    link: new Map(network.links.map((link) => [link.id, link])),
    group: new Map(network.risk_groups.map((group) => [group.id, group])),
    linksOn,
    linksAt,
  };
}

/** A service's state: the sample's is newer than the record that we fetched, until the record says that it ended. */
export function stateNow(state: State, service: ServiceOut): string {
  if (ENDED.has(service.state)) return service.state;
  return state.sample?.services[service.id]?.state ?? service.state;
}

export function siteName(state: State, id: string): string {
  return state.atlas?.site.get(id)?.name ?? id;
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

export function carriedOn(state: State, link: string): number {
  return state.sample?.links[link] ?? 0;
}

/** Every way that carries traffic of a service. */
export function waysOf(service: ServiceOut): WaysOut[] {
  return service.branches.length > 0 ? service.branches : [service];
}

/** Services that a link carries, in either direction of theirs. */
export function servicesOn(state: State, links: readonly string[]): ServiceOut[] {
  const wanted = new Set(links);
  const uses = (path: ServiceOut["there"]): boolean => path?.links.some((link) => wanted.has(link)) ?? false;
  const on = (service: ServiceOut): boolean => waysOf(service).some(({ there, back }) => uses(there) || uses(back));
  return [...state.services.values()].filter(
    (service) => !ENDED.has(stateNow(state, service)) && on(service),
  );
}
