// The land under the network, from the atlases that are built into the page; only the one that is needed is loaded.
import { feature, mesh } from "topojson-client";
import type { GeometryCollection, Topology } from "topojson-specification";
import type { Feature, FeatureCollection, MultiLineString } from "geojson";
import type { Ground } from "./projection";

export interface Land {
  land: Feature | FeatureCollection;
  borders: MultiLineString;
}

export async function load(ground: Ground): Promise<Land> {
  const atlas = (
    ground === "us" ? await import("us-atlas/states-10m.json") : await import("world-atlas/countries-50m.json")
  ).default as unknown as Topology<Record<string, GeometryCollection>>;
  const [outline, parts] =
    ground === "us" ? [atlas.objects.nation, atlas.objects.states] : [atlas.objects.land, atlas.objects.countries];
  if (outline === undefined || parts === undefined) throw new Error("the atlas lacks an outline");
  return { land: feature(atlas, outline), borders: mesh(atlas, parts, (a, b) => a !== b) };
}
