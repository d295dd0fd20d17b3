// Everything that the page knows, in one place. Each part is a signal: who reads it while drawing is drawn again when it
// changes, and nobody else. Only `sync`, the address and what one clicks write it; components and the map read.
import { batch, signal, type Signal } from "@preact/signals";
import type { IncidentOut, MaintenanceOut, ReachOut, SampleOut, ServiceOut, WhoOut } from "../api/schema";
import { NOWHERE, type Address, type Selection } from "./address";
import type { Atlas } from "./atlas";
import { none, type Faults } from "./faults";

/** What a flow draws over the map while one looks at it: what would be lost, what would move where. */
export interface Overlay {
  /** What it is, in a sentence, for who does not see it. */
  said: string;
  /** What the key calls it: that it is a preview, and of what. */
  preview?: string;
  /** Links that would carry nothing. */
  lost: ReadonlySet<string>;
  /** Links that would be kept free on purpose. */
  drained?: ReadonlySet<string>;
  /** Links of interest, with a share of load each, as they would be. */
  loads: ReadonlyMap<string, number>;
  routes: readonly Route[];
  /** How far light comes from a site. */
  contours?: readonly Contour[];
}

/** What is within a time of a site: pieces of links, each from its tail on as far as its share. */
export interface Contour {
  within_ms: number;
  pieces: readonly { link: string; share: number }[];
}

/**
 * `was` and `becomes` are of a plan: as it is, and as it would be instead; `dark` is nobody's any more; `left` and `took` are
 * of a failure that is played again; `leaves`, `goes` and `stuck` are of a drain that is previewed.
 */
export type Way =
  | "there"
  | "back"
  | "spare"
  | "would"
  | "was"
  | "becomes"
  | "dark"
  | "binds"
  | "left"
  | "took"
  | "leaves"
  | "goes"
  | "stuck";

/** A way over the map: on the links where one sees them, else between the sites. */
export interface Route {
  service: string;
  way: Way;
  sites: readonly string[];
  links: readonly string[];
}

/** What there is to read: a plain object in tests, the store on the page. */
export interface State {
  readonly who: WhoOut;
  readonly atlas: Atlas | null;
  readonly services: ReadonlyMap<string, ServiceOut>;
  readonly sample: SampleOut | null;
  readonly faults: Faults;
  readonly incidents: readonly IncidentOut[];
  readonly maintenances: readonly MaintenanceOut[];
  /** null: not asked for. "loading": asked, not answered yet. */
  readonly reach: ReachOut | "loading" | "failed" | null;
}

type Signals<T> = { readonly [K in keyof T]: Signal<T[K]> };

/** How every link was, or is booked to be, from one instant until another, in UTC milliseconds. */
export interface Moment {
  kind: "measured" | "booked";
  from_ms: number;
  until_ms: number;
  /** Gbit/s; what is not known is not here. */
  gbps: ReadonlyMap<string, number>;
  down: ReadonlySet<string>;
}

/** A path that a service had from an instant on. */
export interface Stay {
  at_ms: number;
  sites: readonly string[];
}

/** The paths that services had in an incident and before it, in order. */
export interface Story {
  incident: string;
  paths: ReadonlyMap<string, readonly Stay[]>;
}

interface Known extends State {
  /** Services of which the API says that there are none. */
  gone: ReadonlySet<string>;
  address: Address;
  overlay: Overlay | null;
  /** null: of the moment that is shown nothing is known, or it is now. */
  moment: Moment | null;
  /** Where one is while time plays, or is dragged, UTC milliseconds; null where the address says it. */
  playhead: number | null;
  /** Whether the playing waits for what it would show next. */
  waiting: boolean;
  story: Story | null;
  /** The share that was within reach when one began to look, to compare with. */
  reachAtFirst: number | null;
  /** How far the controller's clock is ahead of ours. */
  skew_ms: number;
  stale: boolean;
  /** Why nothing can be shown yet, in a sentence. */
  trouble: string | null;
}

export class Store implements Known {
  private readonly $: Signals<Known>;

  constructor(who: WhoOut, address: Address = NOWHERE) {
    this.$ = {
      who: signal(who),
      atlas: signal(null),
      services: signal(new Map()),
      gone: signal(new Set()),
      sample: signal(null),
      faults: signal(none()),
      incidents: signal([]),
      maintenances: signal([]),
      reach: signal(null),
      address: signal(address),
      overlay: signal(null),
      moment: signal(null),
      playhead: signal(null),
      waiting: signal(false),
      story: signal(null),
      reachAtFirst: signal(null),
      skew_ms: signal(0),
      stale: signal(false),
      trouble: signal(null),
    };
  }

  /** Several changes, told as one. */
  change(what: Partial<Known>): void {
    batch(() => {
      for (const [name, value] of Object.entries(what)) (this.$[name as keyof Known] as Signal<unknown>).value = value;
    });
  }

  /** Whether one sees the whole network, or a tenant's part of it. */
  get operator(): boolean {
    return this.who.tenant === null || this.who.tenant === undefined;
  }
  get selection(): Selection | null {
    return this.address.selection;
  }
  /** Now by the controller's clock, as far as it is known, UTC milliseconds. */
  get now_ms(): number {
    return this.sample === null ? Date.now() : Date.parse(this.sample.at);
  }
  /** The moment that is shown, UTC milliseconds; null is now. */
  get at_ms(): number | null {
    const { at } = this.address;
    return at === null ? null : (this.playhead ?? Date.parse(at));
  }
  /** Whether what is shown is to come: booked, and not measured. */
  get ahead(): boolean {
    return this.at_ms !== null && this.at_ms > this.now_ms;
  }

  get who(): WhoOut {
    return this.$.who.value;
  }
  get atlas(): Atlas | null {
    return this.$.atlas.value;
  }
  get services(): ReadonlyMap<string, ServiceOut> {
    return this.$.services.value;
  }
  get gone(): ReadonlySet<string> {
    return this.$.gone.value;
  }
  get sample(): SampleOut | null {
    return this.$.sample.value;
  }
  get faults(): Faults {
    return this.$.faults.value;
  }
  get incidents(): readonly IncidentOut[] {
    return this.$.incidents.value;
  }
  get maintenances(): readonly MaintenanceOut[] {
    return this.$.maintenances.value;
  }
  get reach(): State["reach"] {
    return this.$.reach.value;
  }
  get address(): Address {
    return this.$.address.value;
  }
  get overlay(): Overlay | null {
    return this.$.overlay.value;
  }
  get moment(): Moment | null {
    return this.$.moment.value;
  }
  get playhead(): number | null {
    return this.$.playhead.value;
  }
  get waiting(): boolean {
    return this.$.waiting.value;
  }
  get story(): Story | null {
    return this.$.story.value;
  }
  get reachAtFirst(): number | null {
    return this.$.reachAtFirst.value;
  }
  get skew_ms(): number {
    return this.$.skew_ms.value;
  }
  get stale(): boolean {
    return this.$.stale.value;
  }
  get trouble(): string | null {
    return this.$.trouble.value;
  }
}

export function siteName(state: Pick<State, "atlas">, id: string): string {
  return state.atlas?.site.get(id)?.name ?? id;
}
