import { describe, expect, it } from "vitest";
import { hear, none, see, stateOf } from "../src/faults";
import type { EventOut, LinkOut, SampleOut } from "../src/wire";

const event = (type: string, subject: string, sequence: number): EventOut => ({
  id: String(sequence),
  type: `highroad.${type}`,
  subject,
  time: "2026-01-01T00:00:00Z",
  sequence,
  data: {},
});
const sample = (sequence: number, down: string[] = [], drained: string[] = []): SampleOut => ({
  fabric: "twin",
  rate_scale: 1,
  at: "2026-01-01T00:00:00Z",
  sequence,
  links: {},
  fibres_down: down,
  fibres_drained: drained,
  frozen: null,
  services: {},
});
const link: LinkOut = {
  id: "a>b",
  tail: "a",
  head: "b",
  capacity_gbps: 400,
  latency_ms: 1,
  fibres: ["f1", "f2"],
  booked_gbps: 0,
};

describe("a cut", () => {
  it("shows with the event, before any sample", () => {
    const faults = none();
    expect(hear(faults, event("fibre.down", "f2", 5))).toBe(true);
    expect(stateOf(link, faults)).toBe("down");
  });
  it("shows with the sample, before any event", () => {
    const faults = none();
    expect(see(faults, sample(5, ["f1"]))).toBe(true);
    expect(stateOf(link, faults)).toBe("down");
  });
  it("is not undone by a sample from before it", () => {
    const faults = none();
    hear(faults, event("fibre.down", "f1", 5));
    expect(see(faults, sample(4))).toBe(false);
    expect(stateOf(link, faults)).toBe("down");
    see(faults, sample(5));
    expect(stateOf(link, faults)).toBe("up");
  });
  it("ends with the event, whatever an older sample says", () => {
    const faults = none();
    see(faults, sample(5, ["f1"]));
    hear(faults, event("fibre.up", "f1", 6));
    see(faults, sample(5, ["f1"]));
    expect(stateOf(link, faults)).toBe("up");
  });
  it("is not brought back by an event that is told twice", () => {
    const faults = none();
    hear(faults, event("fibre.down", "f1", 5));
    hear(faults, event("fibre.up", "f1", 6));
    expect(hear(faults, event("fibre.down", "f1", 5))).toBe(false);
    expect(stateOf(link, faults)).toBe("up");
  });
});

it("shows a drain, and a cut before a drain", () => {
  const faults = none();
  see(faults, sample(1, [], ["f1"]));
  expect(stateOf(link, faults)).toBe("drained");
  see(faults, sample(2, ["f2"], ["f1"]));
  expect(stateOf(link, faults)).toBe("down");
});

it("says nothing of what did not change", () => {
  const faults = none();
  see(faults, sample(1, ["f1"]));
  expect(see(faults, sample(2, ["f1"]))).toBe(false);
  expect(hear(faults, event("service.active", "f1", 3))).toBe(false);
});
