// The land under the network, from the atlases that are served with the page; only the one that is needed is fetched, and as
// what it is: data, and no script.
import statesAt from "us-atlas/states-10m.json?url";
import countriesAt from "world-atlas/countries-50m.json?url";
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

/** How an atlas is read; another in tests. */
export type Read = (address: string) => Promise<unknown>;

async function fetched(address: string): Promise<unknown> {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`${address}: HTTP ${String(answer.status)}`);
  return await answer.json();
}

/** Raises where it cannot be read. */
export async function load(ground: Ground, read: Read = fetched): Promise<Land> {
  return ground === "us" ? contiguousStates((await read(statesAt)) as Atlas) : world((await read(countriesAt)) as Atlas);
}

function contiguousStates(atlas: Atlas): Land {
  const states = known(atlas.objects.states).geometries.filter((state) => !APART.has(String(state.id)));
  const outline = merge(atlas, states as (Polygon | MultiPolygon)[]);
  return {
    land: { type: "Feature", properties: {}, geometry: outline },
    borders: between(atlas, { type: "GeometryCollection", geometries: states }),
  };
}

function world(atlas: Atlas): Land {
  return { land: feature(atlas, known(atlas.objects.land)), borders: between(atlas, known(atlas.objects.countries)) };
}

function between(atlas: Atlas, parts: GeometryCollection): MultiLineString {
  return mesh(atlas, parts, (a, b) => a !== b);
}

function known(part: GeometryCollection | undefined): GeometryCollection {
  if (part === undefined) throw new Error("the atlas lacks an outline");
  return part;
}
