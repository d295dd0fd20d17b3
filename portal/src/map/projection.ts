// Which map fits these sites: the United States in their own conic, a region in an equal-area view of its own, or the
// world, turned so that no link is torn apart at its edge if turning helps.
import {
  geoAlbers,
  geoAzimuthalEqualArea,
  geoCentroid,
  geoDistance,
  geoNaturalEarth1,
  type GeoProjection,
} from "d3-geo";
import type { MultiPoint } from "geojson";
import type { LinkOut, SiteOut } from "../api/schema";

export type Ground = "us" | "world";
export interface Place {
  ground: Ground;
  projection: GeoProjection;
}
export interface Box {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

/** Whether all sites are in the 48 states, Alaska and Hawaii left out. */
export function contiguousUs(sites: readonly SiteOut[]): boolean {
  return (
    sites.length > 0 &&
    sites.every(
      (site) =>
        /^US(-|$)/.test(site.jurisdiction) && site.lat > 24 && site.lat < 49.6 && site.lon > -125.5 && site.lon < -66.5,
    )
  );
}

export function choose(sites: readonly SiteOut[], links: readonly LinkOut[], box: Box): Place {
  const points = around(sites);
  const extent: [[number, number], [number, number]] = [
    [box.left, box.top],
    [Math.max(box.right, box.left + 50), Math.max(box.bottom, box.top + 50)],
  ];
  if (contiguousUs(sites)) return { ground: "us", projection: geoAlbers().fitExtent(extent, points) };
  const centre = geoCentroid(points);
  const radius = Math.max(0, ...points.coordinates.map((point) => geoDistance(centre, point as [number, number])));
  const projection =
    sites.length > 0 && radius < 0.6
      ? geoAzimuthalEqualArea().rotate([-centre[0], -centre[1]])
      : geoNaturalEarth1().rotate([-meridian(sites, links), 0]);
  return { ground: "world", projection: projection.fitExtent(extent, points) };
}

/** What is to be in view: the sites, with some ground around them where they are few. */
function around(sites: readonly SiteOut[]): MultiPoint {
  const coordinates = sites.map((site) => [site.lon, site.lat]);
  if (sites.length === 0) {
    return { type: "MultiPoint", coordinates: [[-170, 0], [170, 0], [0, 75], [0, -55]] };
  }
  const span = Math.max(...sites.map((site) => geoDistance([site.lon, site.lat], coordinates[0] as [number, number])));
  if (span < 0.02) {
    for (const site of sites) {
      for (const [east, north] of [[2, 0], [-2, 0], [0, 1.5], [0, -1.5]] as const) {
        coordinates.push([site.lon + east, site.lat + north]);
      }
    }
  }
  return { type: "MultiPoint", coordinates };
}

/** The central meridian: Greenwich's, as everybody knows the world, unless another leaves no link torn. */
export function meridian(sites: readonly SiteOut[], links: readonly LinkOut[]): number {
  const lon = new Map(sites.map((site) => [site.id, site.lon]));
  const torn = (centre: number): number =>
    links.filter((link) => {
      const [a, b] = [lon.get(link.tail), lon.get(link.head)];
      return a !== undefined && b !== undefined && Math.abs(turn(a - centre) - turn(b - centre)) > 180;
    }).length;
  if (torn(0) === 0) return 0;
  for (let away = 10; away <= 180; away += 10) {
    for (const centre of [away, -away]) if (torn(centre) === 0) return centre;
  }
  return 0;
}

function turn(degrees: number): number {
  return ((((degrees + 180) % 360) + 360) % 360) - 180;
}
