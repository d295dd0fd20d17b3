import { describe, expect, it } from "vitest";
import { fibreName, named } from "../src/naming";
import { index, Store } from "../src/state";
import type { FibreOut, LinkOut, SiteOut } from "../src/wire";

const site = (id: string, name: string): SiteOut => ({
  id,
  name,
  kind: "pop",
  lat: 0,
  lon: 0,
  jurisdiction: "GA",
  operator: null,
  carbon_g_per_kwh: null,
});
const fibre = (id: string, a: string, b: string): FibreOut => ({
  id,
  a,
  b,
  length_km: 1,
  medium: "smf",
  jurisdictions: [],
  risk_groups: [],
});
const link: LinkOut = {
  id: "denver>salt-lake-city",
  tail: "denver",
  head: "salt-lake-city",
  capacity_gbps: 1,
  latency_ms: 1,
  fibres: [],
  booked_gbps: 0,
};

const { state } = new Store({ role: "operator", tenant: null });
state.atlas = index({
  revision: 1,
  name: "test",
  assumptions: [],
  sites: [site("denver", "Denver"), site("salt-lake-city", "Salt Lake City"), site("odd", "<i>$&</i>")],
  fibres: [
    fibre("denver--salt-lake-city", "denver", "salt-lake-city"),
    fibre("denver--odd:2", "denver", "odd"),
    fibre("denver--odd", "denver", "odd"),
  ],
  links: [link],
  risk_groups: [],
});

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
