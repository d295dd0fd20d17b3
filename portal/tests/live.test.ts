import { describe, expect, it, vi } from "vitest";
import type { EventOut, SampleOut } from "../src/api/schema";
import { BROWSER, Live, type Means } from "../src/state/live";
import { changes, rate, sample } from "./facts";

/** A stream that the test speaks through. */
class Source extends EventTarget {
  readyState = 0;
  constructor(readonly address: string) {
    super();
  }
  opened(): void {
    this.dispatchEvent(new Event("open"));
  }
  say(kind: string, data: unknown, lastEventId = ""): void {
    this.dispatchEvent(new MessageEvent(kind, { data: JSON.stringify(data), lastEventId }));
  }
  fail(): void {
    this.readyState = 2;
    this.dispatchEvent(new Event("error"));
  }
  close(): void {
    this.readyState = 2;
  }
}

function listening(allowed = true) {
  const sources: Source[] = [];
  const frames: (() => void)[] = [];
  const waiting: (() => void)[] = [];
  const heard: { sample: SampleOut | null; services: readonly string[]; events: EventOut[] }[] = [];
  let restarts = 0;
  const means: Means = {
    open: (address) => {
      const source = new Source(address);
      sources.push(source);
      return source as unknown as EventSource;
    },
    soon: (run) => frames.push(run),
    wait: (run) => {
      waiting.push(run);
      return 0 as unknown as ReturnType<typeof setTimeout>;
    },
  };
  const live = new Live(
    {
      heard: (sample, services, events) => heard.push({ sample, services, events }),
      restarted: () => (restarts += 1),
      refused: () => Promise.resolve(allowed),
    },
    means,
  );
  const frame = (): void => {
    for (const run of frames.splice(0)) run();
  };
  const again = async (): Promise<void> => {
    await Promise.resolve();
    await Promise.resolve();
    for (const run of waiting.splice(0)) run();
  };
  return { live, sources, heard, frame, again, restarts: () => restarts, last: () => sources.at(-1) as Source };
}

Object.assign(globalThis, { EventSource: { CLOSED: 2 } });

describe("what comes between two frames", () => {
  it("is of samples the newest, and every event in order", () => {
    const { last, heard, frame } = listening();
    for (let n = 1; n <= 1000; n += 1) last().say("sample", sample({ sequence: n }));
    for (let n = 1; n <= 3; n += 1) last().say("event", { sequence: n }, String(n));
    expect(heard).toEqual([]);
    frame();
    expect(heard).toHaveLength(1);
    expect(heard[0]?.sample?.sequence).toBe(1000);
    expect(heard[0]?.events.map((event) => event.sequence)).toEqual([1, 2, 3]);
    frame();
    expect(heard).toHaveLength(1);
  });

  it("is of changes all of them, one after the other, each on what was told before", () => {
    const { last, heard, frame } = listening();
    const [one, other] = [rate("ACTIVE", 1, 2), rate("DEGRADED", 3, 0)];
    last().say("changes", changes({ whole: true, links: { "a>b": 1, "b>c": 2 }, rates: { "s-1": one, "s-2": one } }));
    last().say("changes", changes({ sequence: 2, links: { "a>b": 5 }, rates: { "s-2": other } }));
    last().say("changes", changes({ sequence: 3, fibres_down: ["f"], services_gone: ["s-1"], links_gone: ["b>c"], rates: { "s-3": one } }));
    frame();
    expect(heard).toHaveLength(1);
    expect(heard[0]?.services).toEqual(["s-1", "s-2", "s-2", "s-3"]);
    expect(heard[0]?.sample).toEqual(
      sample({ sequence: 3, fibres_down: ["f"], links: { "a>b": 5 }, services: { "s-2": other, "s-3": one } }),
    );
  });

  it("forgets what was before where everything is told, as after a gap", () => {
    const { last, heard, frame } = listening();
    last().say("changes", changes({ whole: true, links: { "a>b": 1 }, rates: { "s-1": rate("ACTIVE", 1, 1) } }));
    frame();
    last().say("changes", changes({ whole: true, links: { "b>c": 1 } }));
    frame();
    expect(heard[1]?.sample).toEqual(sample({ links: { "b>c": 1 } }));
    // A page that looks at what was told before sees that it is another.
    expect(heard[1]?.sample).not.toBe(heard[0]?.sample);
  });

  it("is nothing where changes come of what was never told", () => {
    const { last, heard, frame } = listening();
    last().say("changes", changes({ links: { "a>b": 1 } }));
    frame();
    expect(heard[0]?.sample).toBeNull();
  });

  it("is not told to a page that is gone", () => {
    const { live, last, heard, frame } = listening();
    last().say("sample", { sequence: 1 });
    live.close();
    frame();
    expect(heard).toEqual([]);
  });
});

describe("a stream that ends", () => {
  it("is resumed after the last event that was seen, and nothing is read anew", async () => {
    const { last, sources, again, restarts } = listening();
    last().opened();
    last().say("event", { sequence: 41 }, "41");
    last().say("sample", { sequence: 41 });
    last().fail();
    await again();
    expect(sources.map((source) => source.address)).toEqual(["/v1/live?changes=true", "/v1/live?changes=true&after=41"]);
    last().opened();
    expect(restarts()).toBe(0);
  });

  it("is begun anew where that event is not known, and everything is read", async () => {
    const { last, again, restarts } = listening();
    last().opened();
    last().say("event", { sequence: 41 }, "41");
    last().fail();
    await again();
    last().fail();
    await again();
    expect(last().address).toBe("/v1/live?changes=true");
    last().opened();
    expect(restarts()).toBe(1);
  });

  it("is tried again as long as it is allowed, and not longer", async () => {
    const refused = listening(false);
    refused.last().fail();
    await refused.again();
    expect(refused.sources).toHaveLength(1);
  });
});

describe("a page that is hidden before its next frame", () => {
  it("takes in what came all the same", () => {
    vi.useFakeTimers();
    vi.stubGlobal("document", { hidden: false });
    vi.stubGlobal("requestAnimationFrame", () => 0);
    let runs = 0;
    BROWSER.soon(() => (runs += 1));
    vi.advanceTimersByTime(1000);
    expect(runs).toBe(1);
    vi.unstubAllGlobals();
    vi.useRealTimers();
  });
});
