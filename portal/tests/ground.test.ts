import { geoArea } from "d3-geo";
import states from "us-atlas/states-10m.json";
import countries from "world-atlas/countries-50m.json";
import { expect, it } from "vitest";
import { load, type Read } from "../src/map/ground";

const read: Read = (address) => Promise.resolve(address.includes("us-atlas") ? states : countries);

function positions(part: unknown): [number, number][] {
  if (!Array.isArray(part)) return [];
  if (typeof part[0] === "number") return [part as [number, number]];
  return part.flatMap(positions);
}

it("draws the contiguous states and nothing that would float beside them", async () => {
  const { land, borders } = await load("us", read);
  if (land.type !== "Feature" || land.geometry.type !== "MultiPolygon") throw new Error("not one outline");
  const drawn = [...positions(land.geometry.coordinates), ...positions(borders.coordinates)];
  expect(drawn.length).toBeGreaterThan(1000);
  for (const [lon, lat] of drawn) {
    expect(lon > -125.5 && lon < -66.5, `${lon}`).toBe(true);
    expect(lat > 24 && lat < 49.6, `${lat}`).toBe(true);
  }
  // 8.1 million square km on a sphere of 6371 km: the land, and not all but the land.
  expect(geoArea(land) * 6371 ** 2).toBeGreaterThan(7.5e6);
  expect(geoArea(land) * 6371 ** 2).toBeLessThan(8.6e6);
});

it("draws all lands where the sites are not all in those states", async () => {
  const { land } = await load("world", read);
  expect(geoArea(land) / (4 * Math.PI)).toBeCloseTo(0.29, 1);
});
