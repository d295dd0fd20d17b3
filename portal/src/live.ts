// The stream of samples and events. The browser resumes it by itself after a hiccup, from the last event that it saw;
// where the browser gives up (the API refused), we ask again, slower each time, and the caller reads everything anew.
import type { EventOut, SampleOut } from "./wire";

export interface Ear {
  sample(sample: SampleOut): void;
  event(event: EventOut): void;
  /** A stream that starts over: whatever happened in between was missed. */
  restarted(): void;
  /** The API refuses the stream: perhaps the session ended. True to go on trying. */
  refused(): Promise<boolean>;
}

const PATIENCE_MS = [500, 1000, 2000, 5000];

export class Live {
  private source: EventSource | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private tries = 0;
  private closed = false;

  constructor(private readonly ear: Ear) {
    this.open(false);
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
    this.source?.close();
  }

  private open(again: boolean): void {
    const source = new EventSource("/v1/live");
    this.source = source;
    source.addEventListener("open", () => {
      this.tries = 0;
      if (again) this.ear.restarted();
    });
    source.addEventListener("sample", (message: MessageEvent<string>) => {
      this.ear.sample(JSON.parse(message.data) as SampleOut);
    });
    source.addEventListener("event", (message: MessageEvent<string>) => {
      this.ear.event(JSON.parse(message.data) as EventOut);
    });
    source.addEventListener("error", () => {
      if (source.readyState === EventSource.CLOSED && !this.closed) void this.retry();
    });
  }

  private async retry(): Promise<void> {
    this.source?.close();
    if (!(await this.ear.refused()) || this.closed) return;
    const wait = PATIENCE_MS[Math.min(this.tries, PATIENCE_MS.length - 1)];
    this.tries += 1;
    this.timer = setTimeout(() => this.open(true), wait);
  }
}
