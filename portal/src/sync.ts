// Keeps what the page knows in step with the backend: loads it once, then follows the stream. Samples are taken as they
// are; an event marks what it speaks of, and what is marked is read again, a few at a time, so that a storm of events
// costs a handful of requests.
import { all, get, Problem } from "./api";
import { hear, see } from "./faults";
import { Live } from "./live";
import { index, type Store, type Topic } from "./state";
import type {
  EventOut,
  IncidentOut,
  MaintenanceOut,
  NetworkOut,
  ReachOut,
  SampleOut,
  ServiceOut,
  WhoOut,
} from "./wire";

/** Samples come about once a second; after so long without one, what we show is old. */
export const STALE_MS = 5000;
/** More services than this at once are read as a list. */
const MANY = 24;

export class Sync {
  private live: Live | null = null;
  private watch: ReturnType<typeof setInterval> | undefined;
  private readonly dirty = new Set<string>();
  private readonly jobs = new Map<string, ReturnType<typeof setTimeout>>();
  private reachAsked = 0;

  constructor(
    private readonly store: Store,
    /** The session is over. */
    private readonly ended: () => void,
  ) {}

  /** Opens the stream first, so that nothing falls between it and the first reading. */
  async start(): Promise<void> {
    this.live = new Live({
      sample: (sample) => this.sample(sample),
      event: (event) => this.event(event),
      restarted: () => void this.loadAll().catch((error: unknown) => this.failed(error)),
      refused: () => this.refused(),
    });
    this.watch = setInterval(() => this.checkStale(), 500);
    await this.loadAll();
  }

  stop(): void {
    this.live?.close();
    clearInterval(this.watch);
    for (const job of this.jobs.values()) clearTimeout(job);
  }

  async loadAll(): Promise<void> {
    const operator = this.store.state.who.tenant === null;
    const [network, services, incidents, maintenances] = await Promise.all([
      get<NetworkOut>("/v1/network"),
      all<ServiceOut>("/v1/services"),
      all<IncidentOut>("/v1/incidents"),
      operator ? all<MaintenanceOut>("/v1/maintenances") : [],
    ]);
    const state = this.store.state;
    // Another network's share is nothing to compare with.
    if (state.atlas?.network.revision !== network.revision) state.reachAtFirst = null;
    state.atlas = index(network);
    state.services = new Map(services.map((service) => [service.id, service]));
    state.incidents = incidents;
    state.maintenances = maintenances;
    this.store.touch("network", "services", "incidents", "faults", "selection");
    if (state.reach !== null) await this.readReach();
  }

  /** Shows, or hides, what is within reach. */
  setReach(shown: boolean): void {
    this.store.state.reach = shown ? "loading" : null;
    this.store.state.reachAtFirst = null;
    this.store.touch("reach");
    if (shown) void this.readReach();
  }

  private async readReach(): Promise<void> {
    const asked = ++this.reachAsked;
    try {
      const reach = await get<ReachOut>("/v1/reach?rtt_ms=5&kind=edge");
      if (asked !== this.reachAsked || this.store.state.reach === null) return;
      this.store.state.reach = reach;
      this.store.state.reachAtFirst ??= reach.share;
    } catch {
      if (asked === this.reachAsked && this.store.state.reach !== null) this.store.state.reach = "failed";
    }
    this.store.touch("reach");
  }

  private sample(sample: SampleOut): void {
    const state = this.store.state;
    const topics: Topic[] = ["sample"];
    if (state.sample?.fabric !== sample.fabric || state.sample.rate_scale !== sample.rate_scale) topics.push("measured");
    state.sample = sample;
    state.heardAt = Date.now();
    if (see(state.faults, sample)) topics.push("faults");
    if (state.stale) {
      state.stale = false;
      topics.push("connection");
    }
    for (const id of Object.keys(sample.services)) if (!state.services.has(id)) this.mark(id);
    this.store.touch(...topics);
  }

  private event(event: EventOut): void {
    const state = this.store.state;
    const [, noun] = event.type.split(".");
    if (hear(state.faults, event)) this.store.touch("faults");
    switch (noun) {
      case "service":
        this.mark(event.subject);
        this.later("network", 1500, () => this.readNetwork());
        break;
      case "fibre":
        if (state.reach !== null) this.later("reach", 150, () => this.readReach());
        break;
      case "incident":
        this.later("incidents", 100, () => this.readIncidents());
        break;
      case "maintenance":
        this.later("maintenances", 100, () => this.readMaintenances());
        break;
      case "network":
        this.later("all", 100, () => this.loadAll());
        break;
      default:
        break;
    }
  }

  private mark(service: string): void {
    this.dirty.add(service);
    this.later("services", 80, () => this.readServices());
  }

  private async readServices(): Promise<void> {
    const ids = [...this.dirty];
    this.dirty.clear();
    const state = this.store.state;
    if (ids.length > MANY) {
      const services = await all<ServiceOut>("/v1/services");
      state.services = new Map(services.map((service) => [service.id, service]));
    } else {
      const found = await Promise.all(ids.map((id) => get<ServiceOut>(`/v1/services/${encodeURIComponent(id)}`)));
      for (const service of found) state.services.set(service.id, service);
    }
    this.store.touch("services");
  }

  /** What is booked changes with services; the network itself seldom does. */
  private async readNetwork(): Promise<void> {
    if (this.store.state.who.tenant !== null) return;
    const network = await get<NetworkOut>("/v1/network");
    const state = this.store.state;
    if (state.atlas?.network.revision !== network.revision) return this.loadAll();
    state.atlas = index(network);
    this.store.touch("sample");
    return undefined;
  }

  private async readIncidents(): Promise<void> {
    this.store.state.incidents = await all<IncidentOut>("/v1/incidents");
    this.store.touch("incidents");
  }

  private async readMaintenances(): Promise<void> {
    this.store.state.maintenances = await all<MaintenanceOut>("/v1/maintenances");
    this.store.touch("incidents");
  }

  /** Runs a job once, a moment from now, however often it is asked for until then. */
  private later(name: string, wait: number, job: () => Promise<void>): void {
    if (this.jobs.has(name)) return;
    this.jobs.set(
      name,
      setTimeout(() => {
        this.jobs.delete(name);
        job().catch((error: unknown) => this.failed(error));
      }, wait),
    );
  }

  private failed(error: unknown): void {
    if (!(error instanceof Problem)) throw error;
    // What could not be read comes again: with the next event, or when the stream starts over.
    if (error.status === 401) this.ended();
  }

  private async refused(): Promise<boolean> {
    try {
      await get<WhoOut>("/v1/session");
    } catch (error) {
      if (error instanceof Problem && error.status === 401) {
        this.ended();
        return false;
      }
    }
    return true;
  }

  private checkStale(): void {
    const state = this.store.state;
    const stale = state.heardAt !== null && Date.now() - state.heardAt > STALE_MS;
    if (stale === state.stale) return;
    state.stale = stale;
    this.store.touch("connection");
  }
}
