// What lies under the network: land, borders, and the rings of reach. It is a picture of its own, so that traffic moving
// above it does not have it painted anew.
import { geoCircle, geoPath, type GeoProjection, type GeoStreamWrapper } from "d3-geo";
import type { GeoStream } from "d3-geo";
import { put, s } from "../dom";
import type { RingOut, SiteOut } from "../wire";
import { load, type Land } from "./ground";
import type { Ground } from "./projection";

/** Coasts are not drawn finer than this many pixels. */
const GRAIN_PX = 0.3;
const KM_PER_DEGREE = 111.195;

export class Backdrop {
  readonly node: SVGSVGElement;
  private readonly ground = s("g", { class: "ground" });
  private readonly rings = s("g", { class: "rings", "data-rings": "0" });
  private readonly moving = s("g", {}, this.ground, this.rings);
  private projection: GeoProjection | null = null;
  private land: Land | null = null;
  private landOf: Ground | null = null;
  private sites = new Map<string, SiteOut>();
  private shown: RingOut[] = [];

  constructor() {
    this.node = s("svg", { class: "backdrop", "aria-hidden": "true" }, this.moving);
  }

  show(projection: GeoProjection, ground: Ground, sites: readonly SiteOut[]): void {
    this.projection = projection;
    this.sites = new Map(sites.map((site) => [site.id, site]));
    this.drawRings();
    if (this.landOf === ground) {
      this.drawLand();
      return;
    }
    this.landOf = ground;
    void load(ground).then((land) => {
      this.land = land;
      this.drawLand();
    });
  }

  moveTo(transform: string): void {
    put(this.moving, "transform", transform);
  }

  reach(rings: RingOut[]): void {
    this.shown = rings;
    this.drawRings();
  }

  private drawLand(): void {
    if (this.land === null || this.projection === null) return;
    const path = geoPath(thinned(this.projection)).digits(1);
    this.ground.replaceChildren(
      s("path", { class: "land", d: path(this.land.land) ?? "" }),
      s("path", { class: "borders", d: path(this.land.borders) ?? "" }),
    );
  }

  /** All outlines first, then all discs over them: what shows is the outline of the whole. */
  private drawRings(): void {
    if (this.projection === null) return;
    const path = geoPath(this.projection);
    const shapes = this.shown.flatMap((ring) => {
      const site = this.sites.get(ring.site);
      if (site === undefined || !(ring.radius_km > 0)) return [];
      const circle = geoCircle().center([site.lon, site.lat]).radius(ring.radius_km / KM_PER_DEGREE).precision(4)();
      return [path(circle) ?? ""];
    });
    this.rings.replaceChildren(
      ...shapes.map((d) => s("path", { class: "ring-edge", d })),
      ...shapes.map((d) => s("path", { class: "ring", d })),
    );
    put(this.rings, "data-rings", String(shapes.length));
  }
}

/** A projection that leaves out what no pixel would show. */
function thinned(projection: GeoProjection): GeoStreamWrapper {
  return {
    stream(sink: GeoStream): GeoStream {
      let [x, y] = [NaN, NaN];
      const sieve: GeoStream = {
        point(nextX, nextY) {
          if (Math.abs(nextX - x) < GRAIN_PX && Math.abs(nextY - y) < GRAIN_PX) return;
          [x, y] = [nextX, nextY];
          sink.point(nextX, nextY);
        },
        lineStart() {
          [x, y] = [NaN, NaN];
          sink.lineStart();
        },
        lineEnd: () => sink.lineEnd(),
        polygonStart: () => sink.polygonStart(),
        polygonEnd: () => sink.polygonEnd(),
      };
      return projection.stream(sieve);
    },
  };
}
