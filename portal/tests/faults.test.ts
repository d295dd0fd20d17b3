import { describe, expect, it } from "vitest";
import type { EventOut, SampleOut } from "../src/api/schema";
import { faultsAt, hear, none, see, stateOf } from "../src/state/faults";
import * as facts from "./facts";

const event = (type: string, subject: string, sequence: number): EventOut => ({
  specversion: "1.0",
  source: "/v1",
  datacontenttype: "application/json",
  tenant: null,
  id: String(sequence),
  type: `highroad.${type}`,
  subject,
  time: "2026-01-01T00:00:00Z",
  sequence,
  data: {},
});
const sample = (sequence: number, fibres_down: string[] = [], fibres_drained: string[] = []): SampleOut =>
  facts.sample({ sequence, fibres_down, fibres_drained });
const link = facts.link("a", "b", { fibres: ["f1", "f2"] });

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

describe("afterwards", () => {
  const at = (clock: string): number => Date.parse(`2026-01-01T${clock}Z`);
  const fault = { fibre: "f1", reason: "light", since: "2026-01-01T10:00:00Z", wait_s: 5, in_use: true, failed_again: 0, repaired_at: [] };
  const failed = facts.incident("i", {
    fibres: ["f1"],
    opened: "2026-01-01T10:00:00Z",
    closed: "2026-01-01T12:00:00Z",
    faults: [{ ...fault, back: "2026-01-01T11:00:00Z" }],
  });
  it.each([
    ["09:59:59", []],
    ["10:00:00", ["f1"]],
    ["10:59:59", ["f1"]],
    ["11:00:00", []],
  ])("at %s it was down: %s", (clock, down) => expect([...faultsAt(at(clock), [failed], []).down]).toEqual(down));

  it("an incident that tells of no fault was one from beginning to end", () => {
    const bare = facts.incident("i", { fibres: ["f1", "f2"], opened: "2026-01-01T10:00:00Z" });
    expect([...faultsAt(at("13:00:00"), [bare], []).down]).toEqual(["f1", "f2"]);
    expect(faultsAt(at("09:00:00"), [bare], []).down.size).toBe(0);
  });
});
