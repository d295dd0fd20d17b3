import { describe, expect, it } from "vitest";
import { code, format, parse } from "../src/select";

describe("an address", () => {
  it.each([
    { kind: "link", id: "chicago>cleveland" },
    { kind: "service", id: "s-7" },
    { kind: "fibre", id: "a b/ü&=#%" },
    { kind: "site", id: "<script>" },
    { kind: "incident", id: "i-1" },
  ] as const)("brings back $kind $id", (selection) => expect(parse(format(selection))).toEqual(selection));

  it("stays readable for links", () => expect(format({ kind: "link", id: "a>b" })).toBe("#link=a>b"));
  it("is read as the browser escapes it", () => expect(parse("#link=a%3Eb")).toEqual({ kind: "link", id: "a>b" }));
  it.each(["", "#", "#link=", "#nothing=1", "#link=%E0%A4%A", "#code=123"])("%s selects nothing", (hash) =>
    expect(parse(hash)).toBeNull(),
  );
});

it("holds a code, or none", () => {
  expect(code("#code=ab%2Bc")).toBe("ab+c");
  expect(code("#link=a")).toBeNull();
  expect(code("#code=%")).toBeNull();
});
