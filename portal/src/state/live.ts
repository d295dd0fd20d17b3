// The stream of samples and events. The browser resumes it by itself after a hiccup; where it gives up (the API refused, or
// was away for long), we ask for what followed the last event that we saw, slower each time. Only where that is not there
// any more, of a store that was replaced, everything is read anew.
//
// What comes is taken in once a frame: of samples the newest, of changes of them and of events all in their order. So a
// thousand links that change a hundred times a second cost what one change costs, and a page that nobody looks at next to
// nothing. Each stream that opens begins with everything, so that what was missed before it is made good.
import type { ChangesOut, EventOut, SampleOut } from "../api/schema";
import { fold } from "./sampled";

export interface Ear {
  /** What came since the last frame: how everything is now, if that was told, of which services, and every event. */
  heard(sample: SampleOut | null, services: readonly string[], events: EventOut[]): void;
  /** A stream that starts over: whatever happened in between was missed. */
  restarted(): void;
  /** The API refuses the stream: perhaps the session ended. True to go on trying. */
  refused(): Promise<boolean>;
}

/** What of a browser the stream needs; others in tests. */
export interface Means {
  open(address: string): EventSource;
  /** Calls back before the next frame, or after a moment where no frame will come. */
  soon(run: () => void): void;
  wait(run: () => void, ms: number): ReturnType<typeof setTimeout>;
}

export const BROWSER: Means = {
  open: (address) => new EventSource(address),
  soon: (run) => {
    let ran = false;
    const once = (): void => {
      if (ran) return;
      ran = true;
      run();
    };
    // A frame that was asked for does not come while the page is hidden, and what comes would pile up.
    setTimeout(once, HIDDEN_MS);
    if (!document.hidden) requestAnimationFrame(once);
  },
  wait: (run, ms) => setTimeout(run, ms),
};

const PATIENCE_MS = [500, 1000, 2000, 5000];
const HIDDEN_MS = 500;

/** What moves is told as it changes: with ten thousand services that is a tenth of telling it all. */
const STREAM = "/v1/live?changes=true";

interface Telling {
  kind: "sample" | "changes";
  data: string;
}

export class Live {
  private source: EventSource | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private tries = 0;
  private closed = false;
  /** The last event that we saw, as the stream calls it. */
  private last = "";
  /** What was told of what moves, and is not taken in yet. */
  private told: Telling[] = [];
  private known: SampleOut | null = null;
  private events: string[] = [];
  private asked = false;

  constructor(
    private readonly ear: Ear,
    private readonly means: Means = BROWSER,
  ) {
    this.open(false);
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
    this.source?.close();
  }

  private open(anew: boolean): void {
    const resumed = !anew && this.last !== "";
    const source = this.means.open(resumed ? `${STREAM}&after=${encodeURIComponent(this.last)}` : STREAM);
    let opened = false;
    this.source = source;
    source.addEventListener("open", () => {
      opened = true;
      this.tries = 0;
      if (anew) this.ear.restarted();
    });
    source.addEventListener("sample", (message: MessageEvent<string>) => {
      this.told = [{ kind: "sample", data: message.data }];
      this.take(message);
    });
    source.addEventListener("changes", (message: MessageEvent<string>) => {
      this.told.push({ kind: "changes", data: message.data });
      this.take(message);
    });
    source.addEventListener("event", (message: MessageEvent<string>) => {
      this.events.push(message.data);
      this.take(message);
    });
    source.addEventListener("error", () => {
      if (source.readyState === EventSource.CLOSED && source === this.source && !this.closed)
        void this.retry(resumed && !opened);
    });
  }

  private take(message: MessageEvent<string>): void {
    if (message.lastEventId !== "") this.last = message.lastEventId;
    if (this.asked) return;
    this.asked = true;
    this.means.soon(() => {
      this.asked = false;
      const [told, events] = [this.told, this.events];
      [this.told, this.events] = [[], []];
      if (this.closed) return;
      const services = told.flatMap((one) => this.learn(one));
      this.ear.heard(
        told.length === 0 ? null : this.known,
        services,
        events.map((event) => JSON.parse(event) as EventOut),
      );
    });
  }

  /** Takes in what was told; answers of which services it was. */
  private learn({ kind, data }: Telling): string[] {
    if (kind === "sample") {
      const sample = JSON.parse(data) as SampleOut;
      this.known = sample;
      return Object.keys(sample.services);
    }
    const changes = JSON.parse(data) as ChangesOut;
    this.known = fold(this.known, changes);
    return changes.services.services;
  }

  /** Again, from where we were; anew where that was refused. */
  private async retry(anew: boolean): Promise<void> {
    this.source?.close();
    if (!(await this.ear.refused()) || this.closed) return;
    const pause = PATIENCE_MS[Math.min(this.tries, PATIENCE_MS.length - 1)] ?? 0;
    this.tries += 1;
    this.timer = this.means.wait(() => this.open(anew || this.last === ""), pause);
  }
}
