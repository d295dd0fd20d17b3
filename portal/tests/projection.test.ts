import { describe, expect, it } from "vitest";
import { choose, contiguousUs, meridian } from "../src/map/projection";
import type { LinkOut, SiteOut } from "../src/api/schema";

const site = (id: string, lon: number, lat: number, jurisdiction = "US-CO"): SiteOut => ({
  id,
  name: id,
  kind: "pop",
  lat,
  lon,
  jurisdiction,
  operator: null,
  carbon_g_per_kwh: null,
});
const link = (tail: string, head: string): LinkOut => ({
  id: `${tail}>${head}`,
  tail,
  head,
  capacity_gbps: 400,
  latency_ms: 1,
  fibres: [],
  booked_gbps: 0,
});
const box = { left: 100, top: 50, right: 900, bottom: 550 };

it("knows the 48 states from the rest", () => {
  expect(contiguousUs([site("denver", -105, 39.7), site("boston", -71, 42.4, "US-MA")])).toBe(true);
  expect(contiguousUs([site("denver", -105, 39.7), site("honolulu", -157, 21, "US-HI")])).toBe(false);
  expect(contiguousUs([site("toronto", -79, 43.7, "CA-ON")])).toBe(false);
  expect(contiguousUs([])).toBe(false);
});

describe.each([
  ["the United States", [site("sf", -122, 37.7), site("ny", -74, 40.7), site("miami", -80, 25.8)], "us"],
  ["Europe", [site("paris", 2.3, 48.9, "FR"), site("oslo", 10.7, 59.9, "NO"), site("rome", 12.5, 41.9, "IT")], "world"],
  ["the world", [site("ny", -74, 40.7), site("tokyo", 139.7, 35.7, "JP"), site("sydney", 151, -34, "AU")], "world"],
  ["one site", [site("paris", 2.3, 48.9, "FR")], "world"],
] as const)("%s", (_, sites, ground) => {
  it("fits into the box, on the right ground", () => {
    const place = choose(sites, [], box);
    expect(place.ground).toBe(ground);
    for (const { lon, lat } of sites) {
      const [x, y] = place.projection([lon, lat]) ?? [NaN, NaN];
      expect(x).toBeGreaterThanOrEqual(box.left - 0.5);
      expect(x).toBeLessThanOrEqual(box.right + 0.5);
      expect(y).toBeGreaterThanOrEqual(box.top - 0.5);
      expect(y).toBeLessThanOrEqual(box.bottom + 0.5);
    }
  });
});

it("draws a map even of nothing", () => expect(choose([], [], box).projection([0, 0])).not.toBeNull());

describe("the central meridian", () => {
  const sites = [site("la", -118, 34), site("tokyo", 140, 36, "JP"), site("london", 0, 51, "GB"), site("delhi", 77, 28, "IN")];
  it("is Greenwich's while nothing is torn", () => expect(meridian(sites, [link("la", "london")])).toBe(0));
  it("moves where that saves a link", () => expect(meridian(sites, [link("la", "tokyo")])).not.toBe(0));
  it("stays where nothing saves them all", () => {
    expect(meridian(sites, [link("la", "tokyo"), link("la", "london"), link("london", "delhi"), link("delhi", "tokyo")])).toBe(0);
  });
});
