import { describe, expect, it } from "vitest";
import css from "../src/style/page.css?raw";

type Colours = Record<string, string>;

/** The colours of one scheme by name: what the light one does not say anew is as in the dark one. */
function scheme(light: boolean): Colours {
  const blocks = [...css.matchAll(/:root \{([^}]*)\}/g)].map((found) => found[1] ?? "");
  const read = (block: string) =>
    Object.fromEntries([...block.matchAll(/(--[\w-]+): (#[0-9a-f]{3,6});/g)].map(([, name, value]) => [name, value]));
  return { ...read(blocks[0] ?? ""), ...(light ? read(blocks[1] ?? "") : {}) };
}

/** Relative luminance, 0 to 1: https://www.w3.org/TR/WCAG21/#dfn-relative-luminance */
function luminance(colour: string): number {
  const whole = colour.length === 4 ? colour.replace(/[0-9a-f]/g, "$&$&") : colour;
  const [red = 0, green = 0, blue = 0] = [1, 3, 5]
    .map((at) => Number.parseInt(whole.slice(at, at + 2), 16) / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** From 1 to 21: https://www.w3.org/TR/WCAG21/#dfn-contrast-ratio */
function contrast(one: string, other: string): number {
  const [dark, bright] = [luminance(one), luminance(other)].sort((a, b) => a - b) as [number, number];
  return (bright + 0.05) / (dark + 0.05);
}

/** What WCAG AA asks of text that is not large. */
const AA = 4.5;

it("counts as WCAG does", () => {
  expect(contrast("#000", "#fff")).toBeCloseTo(21);
  expect(contrast("#777777", "#fff")).toBeCloseTo(4.48, 2);
});

describe.each([
  ["dark", scheme(false)],
  ["light", scheme(true)],
] as const)("in the %s scheme", (_, colours) => {
  const colour = (name: string) => colours[name] ?? expect.fail(`there is no ${name} in page.css`);
  const ratio = (text: string, ground: string) => contrast(colour(text), colour(ground));

  it.each(["--text", "--soft", "--muted", "--accent", "--down", "--good", "--warn"])(
    "%s can be read on every ground, one that is pointed at too",
    (text) => {
      const grounds = ["--sheet", "--raised", "--hover", "--land", "--water"];
      const hard = grounds.filter((ground) => ratio(text, ground) < AA).map((ground) => [ground, ratio(text, ground)]);
      expect(hard).toEqual([]);
    },
  );
  it.each(["--down", "--accent", "--warn", "--good"])("what stands on %s can be read", (ground) => {
    expect(ratio("--land", ground)).toBeGreaterThanOrEqual(AA);
  });
});
