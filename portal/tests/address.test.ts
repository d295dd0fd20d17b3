import { describe, expect, it } from "vitest";
import { code, format, NOWHERE, parse, type Address } from "../src/state/address";

describe("an address", () => {
  it.each([
    { kind: "link", id: "chicago>cleveland" },
    { kind: "service", id: "s-7" },
    { kind: "fibre", id: "a b/ü&=#%" },
    { kind: "site", id: "<script>" },
    { kind: "incident", id: "i-1" },
  ] as const)("brings back $kind $id", (selection) =>
    expect(parse(format({ ...NOWHERE, selection })).selection).toEqual(selection),
  );

  it("brings back all that is shown", () => {
    const whole: Address = {
      selection: { kind: "link", id: "a>b" },
      view: "logical",
      place: "order",
      at: "2026-01-01T10:00:00.000Z",
      play: 60,
      tab: "time",
      ends: "a>b",
      sweep: "groups",
      failure: "a--b",
      grow: 1.3,
      without: "conduit 1",
      preview: "a--b",
    };
    expect(parse(format(whole))).toEqual(whole);
  });

  it.each([1, 1.1, 1.7, 2.3, 4])("brings back a growth of %s", (grow) => expect(parse(format({ ...NOWHERE, grow })).grow).toBe(grow));
  it("previews nothing where nothing is selected", () => expect(format({ ...NOWHERE, preview: "a--b" })).toBe(""));
  it("plays nothing without a moment to play from", () => expect(format({ ...NOWHERE, play: 60 })).toBe(""));

  it("stays readable for links", () =>
    expect(format({ ...NOWHERE, selection: { kind: "link", id: "a>b" } })).toBe("#link=a>b"));
  it("is empty where nothing is chosen", () => expect(format(NOWHERE)).toBe(""));
  it("is read as the browser escapes it", () =>
    expect(parse("#link=a%3Eb").selection).toEqual({ kind: "link", id: "a>b" }));
  it.each(["", "#", "#link=", "#nothing=1", "#link=%E0%A4%A", "#code=123", "#view=upside-down", "#at=never", "#place=<b>", "#play=7", "#sweep=rest", "#grow=9", "#grow=much"])(
    "%s shows nothing",
    (hash) => expect(parse(hash)).toEqual(NOWHERE),
  );
});

it("holds a code, or none", () => {
  expect(code("#code=ab%2Bc")).toBe("ab+c");
  expect(code("#link=a")).toBeNull();
  expect(code("#code=%")).toBeNull();
});
