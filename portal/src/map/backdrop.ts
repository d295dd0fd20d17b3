// What lies under the network: land, borders, and the rings of reach. While the map moves, the picture is moved as it is, and
// is drawn anew when the map comes to rest: a coast has more points than a frame has time for.
import { geoCircle, geoPath, type GeoProjection, type GeoStream, type GeoStreamWrapper } from "d3-geo";
import type { RingOut, SiteOut } from "../api/schema";
import { Layer } from "./canvas";
import { load, type Land } from "./ground";
import type { View } from "./paint";
import type { Palette } from "./palette";
import type { Ground } from "./projection";

/** Coasts are not drawn finer than this many pixels. */
const GRAIN_PX = 0.3;
const KM_PER_DEGREE = 111.195;
/** What could not be read is asked for again. */
const AGAIN_MS = 3000;

export class Backdrop {
  private readonly layer = new Layer("backdrop");
  private projection: GeoProjection | null = null;
  private land: Land | null = null;
  private landOf: Ground | null = null;
  private sites = new Map<string, SiteOut>();
  private shown: RingOut[] = [];
  private ground: { land: Path2D; borders: Path2D } | null = null;
  private rings: Path2D[] = [];
  private drawn: View | null = null;

  constructor(private readonly changed: () => void) {
    this.node.setAttribute("aria-hidden", "true");
    this.node.dataset["rings"] = "0";
    this.node.classList.add("rings");
  }

  get node(): HTMLCanvasElement {
    return this.layer.node;
  }

  /** null: a view without ground. */
  show(projection: GeoProjection | null, ground: Ground, sites: readonly SiteOut[]): void {
    this.projection = projection;
    this.sites = new Map(sites.map((site) => [site.id, site]));
    this.trace();
    if (projection === null || this.landOf === ground) return;
    this.landOf = ground;
    this.read(ground);
  }

  private read(ground: Ground): void {
    load(ground).then(
      (land) => {
        if (this.landOf !== ground) return;
        this.land = land;
        this.trace();
      },
      // The map is good for something without it; a controller that is away comes back.
      () => setTimeout(() => this.landOf === ground && this.read(ground), AGAIN_MS),
    );
  }

  reach(rings: RingOut[]): void {
    this.shown = rings;
    this.trace();
  }

  /** Moves the picture that there is to where the map is now. */
  follow(view: View): void {
    const { drawn } = this;
    if (drawn === null) return;
    const k = view.k / drawn.k;
    const [x, y] = [view.x - drawn.x * k, view.y - drawn.y * k];
    this.node.style.transform = k === 1 && x === 0 && y === 0 ? "" : `translate(${String(x)}px,${String(y)}px) scale(${String(k)})`;
  }

  draw(view: View, colours: Palette): void {
    this.layer.fit(view.width, view.height);
    const pen = this.layer.clear();
    this.drawn = { ...view };
    this.node.style.transform = "";
    pen.translate(view.x, view.y);
    pen.scale(view.k, view.k);
    pen.lineJoin = "round";
    if (this.ground !== null) {
      pen.fillStyle = colours.land;
      pen.strokeStyle = colours.coast;
      pen.lineWidth = 1 / view.k;
      pen.fill(this.ground.land);
      pen.stroke(this.ground.land);
      pen.strokeStyle = colours.border;
      pen.lineWidth = 0.8 / view.k;
      pen.stroke(this.ground.borders);
      this.node.classList.add("land");
    }
    pen.globalAlpha = colours.ringOpacity;
    pen.strokeStyle = colours.ringEdge;
    pen.lineWidth = 3 / view.k;
    // All outlines first, then all discs over them: what shows is the outline of the whole.
    for (const ring of this.rings) pen.stroke(ring);
    pen.fillStyle = colours.ring;
    const discs = new Path2D();
    for (const ring of this.rings) discs.addPath(ring);
    pen.fill(discs, "nonzero");
    pen.globalAlpha = 1;
  }

  private trace(): void {
    const { projection } = this;
    this.ground = null;
    this.rings = [];
    if (projection !== null) {
      const path = geoPath(thinned(projection)).digits(1);
      if (this.land !== null)
        this.ground = { land: new Path2D(path(this.land.land) ?? ""), borders: new Path2D(path(this.land.borders) ?? "") };
      const exact = geoPath(projection);
      this.rings = this.shown.flatMap((ring) => {
        const site = this.sites.get(ring.site);
        if (site === undefined || !(ring.radius_km > 0)) return [];
        const circle = geoCircle().center([site.lon, site.lat]).radius(ring.radius_km / KM_PER_DEGREE).precision(4)();
        return [new Path2D(exact(circle) ?? "")];
      });
    }
    this.node.dataset["rings"] = String(this.rings.length);
    this.changed();
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
