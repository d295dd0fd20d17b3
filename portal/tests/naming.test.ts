import { describe, expect, it } from "vitest";
import { index } from "../src/state/atlas";
import { fibreName, named, titleOf } from "../src/state/naming";
import { fibre, link, network, site } from "./facts";

const state = {
  atlas: index(
    network({
      sites: [site("denver", { name: "Denver" }), site("salt-lake-city", { name: "Salt Lake City" }), site("odd", { name: "<i>$&</i>" })],
      fibres: [
        fibre("denver--salt-lake-city", "denver", "salt-lake-city"),
        fibre("denver--odd:2", "denver", "odd"),
        fibre("denver--odd", "denver", "odd"),
      ],
      links: [link("denver", "salt-lake-city")],
    }),
  ),
};

describe("names instead of ids", () => {
  it("calls a fibre by its ends", () => {
    expect(fibreName(state, "denver--salt-lake-city")).toBe("Denver – Salt Lake City");
    expect(fibreName(state, "never--heard-of")).toBe("never--heard-of");
  });

  it.each([
    ["2 services on denver--salt-lake-city", "2 services on Denver – Salt Lake City"],
    [
      "loss of light noticed on denver--odd:2, denver--salt-lake-city",
      "loss of light noticed on Denver – <i>$&</i>, Denver – Salt Lake City",
    ],
    ["it was denver--odd.", "it was Denver – <i>$&</i>."],
    ["over denver>salt-lake-city: full", "over Denver → Salt Lake City: full"],
    ["denver is back on never--heard-of", "denver is back on never--heard-of"],
    ["denver--salt-lake-city-north is back", "denver--salt-lake-city-north is back"],
  ])("%s", (text, reads) => expect(named(state, text)).toBe(reads));
});

it("an incident has a title, also where a tenant is not told what failed", () => {
  expect(titleOf(state, { fibres: ["denver--odd"], title: "denver--odd" })).toBe("Denver – <i>$&</i>");
  expect(titleOf(state, { fibres: [], title: "" })).not.toBe("");
});

it("a moment in a sentence is by the viewer's clock", () => {
  const said = named({ atlas: null }, "port x has 0 of 10 Gbit/s free from 2026-11-29T11:39:41.044Z on");
  expect(said).toMatch(/free from 29 Nov, \d\d:\d\d:\d\d on$/);
});
