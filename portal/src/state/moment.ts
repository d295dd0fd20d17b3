// The moment that the page is set to. While it stands still what links carried then, or what is booked of them, is read for
// that instant; while it plays, in stretches, the next one before the one that there is ends.
import { effect, untracked } from "@preact/signals";
import { ask } from "../api/client";
import { OF_A_SIDE, SPEEDS, type Speed } from "./address";
import { go } from "./go";
import { bookedReel, measuredReel, pieceOf, unknownReel, type Reel } from "./reel";
import { limits } from "./span";
import type { Moment, Store } from "./store";

/** Who drags the slider is not asked for at every minute that he passes. */
const PAUSE_MS = 120;
/** So often the moment goes on while it plays; where motion is not wanted, once a second. */
const BEAT_MS = 100;
const STILL_BEAT_MS = 1000;
/** Of a page that slept no more than this is made up for. */
const LONGEST_MS = 1500;
/** So often the address follows. */
const ADDRESS_MS = 1000;
/** What was measured is kept so long after it, and from there on it is now. */
const LATE_MS = 3000;
/** Stretches that are kept. */
const KEPT = 24;
/** What is booked is read again so long after it changed. */
const AGAIN_MS = 300;
/** So long before a failure its replay begins, and so long after it it ends, in seconds of the page. */
const LEAD_S = 3;
/** A replay takes no longer than this, in seconds of the page, if there is a speed for it. */
const REPLAY_S = 25;

export const SPEED: Speed = 60;

/** What of a browser and of the API it needs; others in tests. */
export interface Means {
  now(): number;
  every(run: () => void, ms: number): () => void;
  later(run: () => void, ms: number): () => void;
  /** Whether motion is not wanted. */
  still(): boolean;
  instant(kind: Moment["kind"], at_ms: number, signal: AbortSignal): Promise<Reel>;
  stretch(kind: Moment["kind"], from_ms: number, until_ms: number, step_s: number): Promise<Reel>;
}

const iso = (ms: number): string => new Date(ms).toISOString();

export const BROWSER: Means = {
  now: () => performance.now(),
  every: (run, ms) => {
    const timer = setInterval(run, ms);
    return () => clearInterval(timer);
  },
  later: (run, ms) => {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
  still: () => matchMedia("(prefers-reduced-motion: reduce)").matches,
  instant: async (kind, at_ms, signal) => {
    if (kind === "booked") return bookedReel(await ask("GET /v1/links/booked", { query: { at: iso(at_ms) }, signal }));
    const found = await ask("GET /v1/telemetry/links", { query: { at: iso(at_ms) }, signal });
    const from_ms = Date.parse(found.at);
    const until_ms = Math.max(at_ms + 1, from_ms + found.step_s * 1000);
    const moment: Moment = { kind, from_ms, until_ms, gbps: new Map(Object.entries(found.links)), down: new Set(found.down) };
    return { kind, from_ms, until_ms, step_s: found.step_s, at: () => moment };
  },
  stretch: async (kind, from_ms, until_ms, step_s) => {
    if (kind === "booked") return bookedReel(await ask("GET /v1/links/booked", { query: { at: iso(from_ms), until: iso(until_ms) } }));
    const found = await ask("GET /v1/telemetry/moments", { query: { from: iso(from_ms), to: iso(until_ms), step_s } });
    return measuredReel(found, from_ms, until_ms, step_s);
  },
};

export class Time {
  private reels: Reel[] = [];
  private running: { stop: () => void; speed: Speed; past: boolean; last: number; wrote: number; end_ms: number } | null = null;
  private wrote: string | null = null;
  private known: { at: string | null; play: Speed | null } = { at: null, play: null };
  /** Somebody wants it to play, whatever a browser says of motion. */
  private asked = false;
  private looking: (() => void) | null = null;
  private reading: string | null = null;
  private ends: (() => void)[] = [];

  constructor(
    private readonly store: Store,
    private readonly means: Means = BROWSER,
  ) {}

  /** Follows the address, and what is booked. */
  follow(): void {
    this.ends.push(
      effect(() => {
        const { at, play } = this.store.address;
        untracked(() => this.told(at, play));
      }),
    );
    let known: unknown[] = [];
    this.ends.push(
      effect(() => {
        const { services, maintenances, atlas } = this.store;
        const now = [services, maintenances, atlas?.network.revision];
        const first = known.length === 0;
        const changed = now.some((one, at) => one !== known[at]);
        known = now;
        if (changed && !first) untracked(() => this.changed());
      }),
    );
  }

  stop(): void {
    this.halt();
    this.looking?.();
    for (const end of this.ends) end();
    this.ends = [];
  }

  get playing(): boolean {
    return this.store.address.play !== null && this.store.address.at !== null;
  }

  /** Plays on from where one is, at a speed; from an hour ago where one is at now. */
  play(speed: Speed = SPEED): void {
    this.asked = true;
    const { store } = this;
    const at_ms = store.at_ms ?? store.now_ms - 3_600_000;
    go(store, { at: iso(at_ms), play: speed });
  }

  pause(): void {
    const { store } = this;
    go(store, { play: null, ...(store.at_ms === null ? {} : { at: iso(store.at_ms) }) });
  }

  /** Sets the page to a moment. */
  seek(at_ms: number): void {
    this.wrote = null;
    go(this.store, { at: iso(at_ms) });
  }

  /** Shows a moment that one drags past. */
  glance(at_ms: number): void {
    const { store } = this;
    if (store.address.at === null) go(store, { at: iso(at_ms) });
    store.change({ playhead: at_ms });
    if (this.running === null) this.look(at_ms);
    else this.running.past = at_ms <= store.now_ms;
  }

  now(): void {
    go(this.store, { at: null, play: null });
  }

  /** Plays an incident again, from shortly before it, as fast as it takes to see it through. */
  replay(incident: { id: string; opened: string; closed: string | null }): void {
    const { store } = this;
    const opened_ms = Date.parse(incident.opened);
    const speed = speedOf(opened_ms, incident.closed === null ? store.now_ms : Date.parse(incident.closed));
    this.asked = true;
    this.wrote = null;
    go(store, { selection: { kind: "incident", id: incident.id }, tab: null, ...OF_A_SIDE, at: iso(opened_ms - LEAD_S * speed * 1000), play: speed });
  }

  private told(at: string | null, play: Speed | null): void {
    const { store } = this;
    if (at === this.known.at && play === this.known.play) return;
    this.known = { at, play };
    if (at === null) {
      this.halt();
      this.looking?.();
      store.change({ playhead: null, moment: null, waiting: false });
      return;
    }
    if (play !== null && (this.asked || !this.means.still())) {
      if (this.running?.speed === play && this.wrote === at) return;
      store.change({ playhead: Date.parse(at) });
      this.run(play);
      return;
    }
    this.halt();
    store.change({ playhead: null, waiting: false });
    this.look(Date.parse(at));
  }

  private halt(): void {
    this.running?.stop();
    this.running = null;
    this.wrote = null;
  }

  private run(speed: Speed): void {
    this.running?.stop();
    this.looking?.();
    const { store, means } = this;
    const begin_ms = store.at_ms ?? store.now_ms;
    const now = means.now();
    this.running = {
      stop: means.every(() => this.beat(), means.still() ? STILL_BEAT_MS : BEAT_MS),
      speed,
      past: begin_ms <= store.now_ms,
      last: now,
      wrote: now,
      end_ms: this.endOf(begin_ms, speed),
    };
    this.beat();
  }

  /** Where the playing ends: after the incident that is selected, if one is inside it; else at the end of the line. */
  private endOf(begin_ms: number, speed: number): number {
    const { store } = this;
    const { selection } = store;
    const incident = selection?.kind === "incident" ? store.incidents.find((one) => one.id === selection.id) : undefined;
    const closed_ms = incident?.closed == null ? NaN : Date.parse(incident.closed);
    if (incident !== undefined && begin_ms <= closed_ms && begin_ms >= Date.parse(incident.opened) - 10 * speed * 1000)
      return closed_ms + LEAD_S * speed * 1000;
    return Infinity;
  }

  private beat(): void {
    const { running, store, means } = this;
    if (running === null) return;
    const now = means.now();
    const here_ms = store.at_ms ?? store.now_ms;
    const next_ms = here_ms + Math.min(LONGEST_MS, now - running.last) * running.speed;
    running.last = now;
    if (running.past && next_ms >= store.now_ms - LATE_MS) return this.now();
    const end_ms = Math.min(running.end_ms, running.past ? Infinity : limits(store)[1]);
    if (next_ms >= end_ms) return go(store, { at: iso(end_ms), play: null });
    const kind = running.past ? "measured" : "booked";
    // How much is read at once is known with the network.
    if (store.operator && store.atlas === null) return;
    if (store.operator) {
      const reel = this.reelAt(kind, next_ms, running.speed);
      if (reel === null) {
        this.read(kind, next_ms, running.speed);
        if (!store.waiting) store.change({ waiting: true });
        return;
      }
      if (next_ms > (reel.from_ms + reel.until_ms) / 2 && this.reelAt(kind, reel.until_ms, running.speed) === null)
        this.read(kind, reel.until_ms, running.speed);
      const moment = reel.at(next_ms);
      store.change({ playhead: next_ms, waiting: false, ...(moment === store.moment ? {} : { moment }) });
    } else store.change({ playhead: next_ms });
    if (now - running.wrote >= ADDRESS_MS) {
      running.wrote = now;
      this.wrote = iso(next_ms);
      go(store, { at: this.wrote }, false);
    }
  }

  /** What was read of an instant, as finely as a speed wants it. */
  private reelAt(kind: Moment["kind"], at_ms: number, speed: number): Reel | null {
    const { step_s } = pieceOf(kind, speed, this.links);
    const fits = (reel: Reel): boolean => reel.kind === kind && reel.from_ms <= at_ms && at_ms < reel.until_ms;
    return this.reels.find((reel) => fits(reel) && reel.step_s <= step_s) ?? null;
  }

  private get links(): number {
    return this.store.atlas?.network.links.length ?? 0;
  }

  private read(kind: Moment["kind"], from: number, speed: number): void {
    const { step_s, span_ms } = pieceOf(kind, speed, this.links);
    const step_ms = step_s * 1000;
    const from_ms = kind === "booked" ? Math.floor(from) : Math.floor(from / step_ms) * step_ms;
    const until_ms = kind === "booked" ? from_ms + span_ms : Math.min(from_ms + span_ms, Math.max(from_ms + step_ms, this.store.now_ms - LATE_MS));
    const key = `${kind} ${String(from_ms)} ${String(step_s)}`;
    if (this.reading !== null) return;
    this.reading = key;
    const keep = (reel: Reel): void => {
      if (this.reading !== key) return;
      this.reading = null;
      this.reels = [reel, ...this.reels.slice(0, KEPT - 1)];
    };
    this.means.stretch(kind, from_ms, until_ms, step_s).then(keep, () => keep(unknownReel(kind, from_ms, until_ms, step_s)));
  }

  /** Reads the one instant that is looked at, unless it is known. */
  private look(at_ms: number): void {
    const { store, means } = this;
    this.looking?.();
    this.looking = null;
    if (!store.operator) return;
    const kind = at_ms > store.now_ms ? "booked" : "measured";
    const known = this.reelAt(kind, at_ms, SPEED)?.at(at_ms);
    if (known !== undefined && known.gbps.size > 0) {
      store.change({ moment: known });
      return;
    }
    const gone = new AbortController();
    const cancel = means.later(() => {
      means.instant(kind, at_ms, gone.signal).then(
        (reel) => {
          if (!gone.signal.aborted) store.change({ moment: reel.at(at_ms) });
        },
        () => {
          // Then what was down is known from incidents, and loads are not.
          if (!gone.signal.aborted) store.change({ moment: null });
        },
      );
    }, PAUSE_MS);
    this.looking = () => {
      cancel();
      gone.abort();
    };
  }

  /** What is booked may be otherwise now. */
  private changed(): void {
    const { store, means } = this;
    this.reels = this.reels.filter((reel) => reel.kind !== "booked");
    if (this.reading?.startsWith("booked") === true) this.reading = null;
    if (this.running !== null || !store.ahead) return;
    this.looking?.();
    this.looking = means.later(() => {
      if (store.at_ms !== null && store.ahead) this.look(store.at_ms);
    }, AGAIN_MS);
  }
}

/** The slowest speed at which a replay takes no longer than one looks at it. */
export function speedOf(opened_ms: number, closed_ms: number): Speed {
  return SPEEDS.find((speed) => (closed_ms - opened_ms) / 1000 / speed <= REPLAY_S) ?? SPEEDS[SPEEDS.length - 1] ?? SPEED;
}
