// The land under the network, from the atlases that are built into the page; only the one that is needed is loaded.
import { feature, merge, mesh } from "topojson-client";
import type { GeometryCollection, MultiPolygon, Polygon, Topology } from "topojson-specification";
import type { Feature, FeatureCollection, MultiLineString } from "geojson";
import type { Ground } from "./projection";

export interface Land {
  land: Feature | FeatureCollection;
  borders: MultiLineString;
}

type Atlas = Topology<Record<string, GeometryCollection>>;

/** FIPS codes of Alaska, Hawaii and the territories: on a map of the other 48 they would float wherever they fall. */
const APART = new Set(["02", "15", "60", "66", "69", "72", "74", "78"]);

export async function load(ground: Ground): Promise<Land> {
  return ground === "us" ? await contiguousStates() : await world();
}

async function contiguousStates(): Promise<Land> {
  const atlas = (await import("us-atlas/states-10m.json")).default as unknown as Atlas;
  const states = known(atlas.objects.states).geometries.filter((state) => !APART.has(String(state.id)));
  const outline = merge(atlas, states as (Polygon | MultiPolygon)[]);
  return {
    land: { type: "Feature", properties: {}, geometry: outline },
    borders: between(atlas, { type: "GeometryCollection", geometries: states }),
  };
}

async function world(): Promise<Land> {
  const atlas = (await import("world-atlas/countries-50m.json")).default as unknown as Atlas;
  return { land: feature(atlas, known(atlas.objects.land)), borders: between(atlas, known(atlas.objects.countries)) };
}

function between(atlas: Atlas, parts: GeometryCollection): MultiLineString {
  return mesh(atlas, parts, (a, b) => a !== b);
}

function known(part: GeometryCollection | undefined): GeometryCollection {
  if (part === undefined) throw new Error("the atlas lacks an outline");
  return part;
}
