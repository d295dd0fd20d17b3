// The stream of samples and events. The browser resumes it by itself after a hiccup; where it gives up (the API refused, or
// was away for long), we ask for what followed the last event that we saw, slower each time. Only where that is not there
// any more, of a store that was replaced, everything is read anew.
//
// What comes is taken in once a frame: of samples the newest, of events all in their order. So a thousand links that change
// a hundred times a second cost what one change costs, and a page that nobody looks at costs next to nothing.
import type { EventOut, SampleOut } from "../api/schema";

export interface Ear {
  /** What came since the last frame: the newest sample, if there was one, and every event. */
  heard(sample: SampleOut | null, events: EventOut[]): void;
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
    if (document.hidden) setTimeout(run, HIDDEN_MS);
    else requestAnimationFrame(run);
  },
  wait: (run, ms) => setTimeout(run, ms),
};

const PATIENCE_MS = [500, 1000, 2000, 5000];
const HIDDEN_MS = 500;

export class Live {
  private source: EventSource | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private tries = 0;
  private closed = false;
  /** The last event that we saw, as the stream calls it. */
  private last = "";
  private sample: string | null = null;
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
    const source = this.means.open(resumed ? `/v1/live?after=${encodeURIComponent(this.last)}` : "/v1/live");
    let opened = false;
    this.source = source;
    source.addEventListener("open", () => {
      opened = true;
      this.tries = 0;
      if (anew) this.ear.restarted();
    });
    source.addEventListener("sample", (message: MessageEvent<string>) => {
      this.sample = message.data;
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
      const [sample, events] = [this.sample, this.events];
      [this.sample, this.events] = [null, []];
      if (this.closed) return;
      this.ear.heard(
        sample === null ? null : (JSON.parse(sample) as SampleOut),
        events.map((event) => JSON.parse(event) as EventOut),
      );
    });
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
