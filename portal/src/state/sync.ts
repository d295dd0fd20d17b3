// Keeps what the page knows in step with the backend: loads it once, then follows the stream. Samples are taken as they
// are; an event marks what it speaks of, and what is marked is read again, a few at a time, so that a storm of events
// costs a handful of requests.
import { all, ask, Problem } from "../api/client";
import { effect } from "@preact/signals";
import type { EventOut, SampleOut, ServiceOut } from "../api/schema";
import { index } from "./atlas";
import { skew } from "./clock";
import { copy, hear, see } from "./faults";
import { Live } from "./live";
import { kept } from "./services";
import type { Store } from "./store";

/** Samples come about once a second; after so long without one, what we show is old. */
export const STALE_MS = 5000;
/** More services than this at once are read as a list, unless that is many times as long. */
const MANY = 24;
const LONGER = 16;
/** A tenant hears of its services, and of no incident: as long as one is open, it is looked at again after so long. */
const OPEN_MS = 2000;

export class Sync {
  private live: Live | null = null;
  private watch: ReturnType<typeof setInterval> | undefined;
  private readonly dirty = new Set<string>();
  private readonly jobs = new Map<string, ReturnType<typeof setTimeout>>();
  private reachAsked = 0;
  private loading = 0;
  private reading = false;
  private unfollow: () => void = () => undefined;
  /** By a clock that nobody sets. */
  private heard_ms: number | null = null;

  constructor(
    private readonly store: Store,
    /** The session is over. */
    private readonly ended: () => void,
  ) {}

  /** Opens the stream first, so that nothing falls between it and the first reading. Raises Problem. */
  async start(): Promise<void> {
    this.live = new Live({
      heard: (sample, services, events) => this.heard(sample, services, events),
      restarted: () => void this.loadAll().catch((error: unknown) => this.failed(error)),
      refused: () => this.refused(),
    });
    this.watch = setInterval(() => this.checkStale(), 500);
    await this.loadAll();
    this.unfollow = effect(() => this.seek());
  }

  stop(): void {
    this.live?.close();
    this.live = null;
    this.unfollow();
    clearInterval(this.watch);
    for (const job of this.jobs.values()) clearTimeout(job);
  }

  /** The map first: there may be so many services that they take a while, and come page by page. */
  async loadAll(): Promise<void> {
    const store = this.store;
    const first = store.atlas === null;
    this.loading += 1;
    try {
      const [, services, incidents, maintenances] = await Promise.all([
        this.loadNetwork(),
        all("GET /v1/services", { live: true }, (some) => first && this.add(some)),
        all("GET /v1/incidents"),
        store.operator ? all("GET /v1/maintenances") : [],
      ]);
      store.change({ services: this.listed(services), incidents, maintenances });
    } finally {
      this.loading -= 1;
    }
    // Of whoever was told of meanwhile, and is not in what was read.
    if (this.loading === 0) this.want(Object.keys(store.sample?.services ?? {}));
    this.lookAgain();
    if (store.reach !== null) await this.readReach();
  }

  private async readIncidents(): Promise<void> {
    this.store.change({ incidents: await all("GET /v1/incidents") });
    this.lookAgain();
  }

  private lookAgain(): void {
    const { operator, incidents } = this.store;
    if (this.live !== null && !operator && incidents.some(({ open }) => open)) this.later("open incidents", OPEN_MS, () => this.readIncidents());
  }

  private async loadNetwork(): Promise<void> {
    const network = await ask("GET /v1/network");
    const store = this.store;
    store.change({
      atlas: index(network),
      trouble: null,
      // Another network's share is nothing to compare with.
      ...(store.atlas?.network.revision !== network.revision ? { reachAtFirst: null } : {}),
    });
  }

  private add(services: readonly ServiceOut[]): void {
    const now = new Map(this.store.services);
    for (const service of services) now.set(service.id, service);
    this.store.change({ services: now });
  }

  /** Reads services of which somebody speaks, where we do not have them. */
  want(services: readonly string[]): void {
    const { store } = this;
    for (const id of services) if (!store.services.has(id) && !store.gone.has(id)) this.mark(id);
  }

  /** Shows, or hides, what is within reach. */
  setReach(shown: boolean): void {
    this.store.change({ reach: shown ? "loading" : null, reachAtFirst: null });
    if (shown) void this.readReach();
  }

  /** Reads one service again, now. Raises Problem. */
  async refresh(service: string): Promise<void> {
    this.dirty.add(service);
    await this.readServices();
  }

  /** Reads what is selected where we do not have it: a service that had ended before we came. */
  private seek(): void {
    const { selection } = this.store;
    if (selection?.kind === "service") this.want([selection.id]);
  }

  /** The services of a list of those that live. What is looked at may have ended. */
  private listed(services: readonly ServiceOut[]): ReadonlyMap<string, ServiceOut> {
    const now = new Map(services.map((service) => [service.id, service]));
    const { selection } = this.store;
    const chosen = selection?.kind === "service" ? this.store.services.get(selection.id) : undefined;
    if (chosen !== undefined && !now.has(chosen.id)) {
      now.set(chosen.id, chosen);
      this.mark(chosen.id);
    }
    return now;
  }

  private async readReach(): Promise<void> {
    const asked = ++this.reachAsked;
    const store = this.store;
    try {
      const reach = await ask("GET /v1/reach", { query: { rtt_ms: 5, kind: "edge" } });
      if (asked !== this.reachAsked || store.reach === null) return;
      store.change({ reach, reachAtFirst: store.reachAtFirst ?? reach.share });
    } catch {
      if (asked === this.reachAsked && store.reach !== null) store.change({ reach: "failed" });
    }
  }

  private heard(sample: SampleOut | null, services: readonly string[], events: EventOut[]): void {
    const store = this.store;
    const faults = copy(store.faults);
    let changed = false;
    for (const event of events) {
      changed = hear(faults, event) || changed;
      this.event(event);
    }
    if (sample !== null) {
      this.heard_ms = performance.now();
      changed = see(faults, sample) || changed;
      // Of what is being read anyway, a sample brings no news.
      if (this.loading === 0) this.want(services);
    }
    store.change({
      ...(changed ? { faults } : {}),
      ...(sample === null ? {} : { sample, skew_ms: skew(store.skew_ms, sample.at, Date.now()), stale: false }),
    });
  }

  private event(event: EventOut): void {
    const [, noun] = event.type.split(".");
    switch (noun) {
      case "service":
        this.mark(event.subject);
        this.later("network", 1500, () => this.readNetwork());
        if (!this.store.operator) this.later("incidents", 300, () => this.readIncidents());
        break;
      case "fibre":
        if (this.store.reach !== null) this.later("reach", 150, () => this.readReach());
        break;
      case "incident":
        this.later("incidents", 100, () => this.readIncidents());
        break;
      case "maintenance":
        this.later("maintenances", 100, async () =>
          this.store.change({ maintenances: await all("GET /v1/maintenances") }),
        );
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
    this.later("services", 80, () => this.readMarked());
  }

  /** One reading at a time: what is marked meanwhile is read after it. */
  private async readMarked(): Promise<void> {
    if (this.reading) return;
    this.reading = true;
    try {
      await this.readServices();
    } finally {
      this.reading = false;
      if (this.dirty.size > 0) this.later("services", 80, () => this.readMarked());
    }
  }

  private async readServices(): Promise<void> {
    const ids = [...this.dirty];
    this.dirty.clear();
    if (ids.length > Math.max(MANY, this.store.services.size / LONGER)) {
      this.store.change({ services: this.listed(await all("GET /v1/services", { live: true })) });
      return;
    }
    const gone = new Set(this.store.gone);
    const found = await Promise.all(
      ids.map(async (service_id) => {
        try {
          return await ask("GET /v1/services/{service_id}", { path: { service_id } });
        } catch (error) {
          if (!(error instanceof Problem) || error.status !== 404) throw error;
          gone.add(service_id);
          return null;
        }
      }),
    );
    const now = new Map(this.store.services);
    for (const service of found) {
      if (service === null) continue;
      // Behind the others: those that ended long ago are in front.
      now.delete(service.id);
      now.set(service.id, service);
    }
    const chosen = this.store.selection;
    this.store.change({ services: kept(now, chosen?.kind === "service" ? chosen.id : null), gone });
  }

  /** What is booked changes with services; the network itself seldom does. */
  private async readNetwork(): Promise<void> {
    if (!this.store.operator) return;
    const network = await ask("GET /v1/network");
    if (this.store.atlas?.network.revision !== network.revision) await this.loadAll();
    else this.store.change({ atlas: index(network) });
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
      await ask("GET /v1/session");
    } catch (error) {
      if (error instanceof Problem && error.status === 401) {
        this.ended();
        return false;
      }
    }
    return true;
  }

  private checkStale(): void {
    const stale = this.heard_ms !== null && performance.now() - this.heard_ms > STALE_MS;
    if (stale !== this.store.stale) this.store.change({ stale });
  }
}
