// The map itself: links, paths, sites and names as layers of one SVG over the backdrop. It is told what is so and draws
// it; it decides nothing but pixels. Coordinates are the projection's times the zoom, so that strokes and names keep
// their size.
import { select, type Selection as D3 } from "d3-selection";
import { zoom, zoomIdentity, type D3ZoomEvent, type ZoomBehavior, type ZoomTransform } from "d3-zoom";
import "d3-transition";
import { h, put, s } from "../dom";
import type { LinkState } from "../faults";
import { loadText, pace, step, width } from "../ramp";
import type { Selection } from "../select";
import type { NetworkOut, RingOut } from "../wire";
import { Backdrop } from "./backdrop";
import { Flows } from "./flows";
import { anchored, geodesic, lanes, offset, toPath, type Point } from "./geometry";
import { glyph, IMPORTANCE, radius } from "./glyphs";
import { Names } from "./names";
import { choose, type Box } from "./projection";
import { spread } from "./spread";
import { next } from "./walk";

export interface Route {
  service: string;
  way: "there" | "back" | "spare";
  sites: string[];
  links: string[];
}

/** The part of the window to fit the network into, and the larger one in which names can be read. */
export interface Room {
  fit: Box;
  clear: Box;
}

interface LinkMark {
  id: string;
  tail: string;
  head: string;
  width: number;
  lane: number;
  lines: Point[][];
  node: SVGGElement;
  hit: SVGPathElement;
  road: SVGPathElement;
  drawn: Point[][];
  d: string;
  pace: string;
}

interface SiteMark {
  id: string;
  name: string;
  kind: string;
  lonLat: Point;
  base: Point;
  at: Point;
  degree: number;
  node: SVGGElement;
}

const NOWHERE: Box = { left: 0, top: 0, right: 1, bottom: 1 };
/** The map has come to rest. */
const REST_MS = 110;

export class MapView {
  readonly node: HTMLElement;
  private readonly backdrop = new Backdrop();
  private readonly flows = new Flows();
  private readonly names = new Names();
  private readonly halos = s("g", { class: "halos", "aria-hidden": "true" });
  private readonly roads = s("g", { class: "links" });
  private readonly routes = s("g", { class: "routes", "aria-hidden": "true" });
  private readonly stops = s("g", { class: "sites" });
  private readonly moving: SVGGElement;
  private readonly svg: D3<SVGSVGElement, unknown, null, undefined>;
  private readonly behaviour: ZoomBehavior<SVGSVGElement, unknown>;
  private readonly still = matchMedia("(prefers-reduced-motion: reduce)");

  private view: ZoomTransform = zoomIdentity;
  private home: ZoomTransform = zoomIdentity;
  private bounds = NOWHERE;
  private room: Room = { fit: NOWHERE, clear: NOWHERE };
  private roamed = false;
  private rest: ReturnType<typeof setTimeout> | undefined;
  private sites = new Map<string, SiteMark>();
  private links = new Map<string, LinkMark>();
  private shownRoutes: Route[] = [];
  private chosen = { links: new Set<string>() as ReadonlySet<string>, sites: new Set<string>() as ReadonlySet<string> };
  private project: (point: Point) => Point | null = () => null;
  private tornAt = Infinity;

  constructor(private readonly pick: (selection: Selection | null) => void) {
    this.moving = s("g", {}, this.halos, this.roads, this.flows.node, this.routes, this.stops, this.names.node);
    const svg = s("svg", { class: "network-map", role: "group", "aria-label": "Map of the network" }, this.moving);
    this.node = h("div", { class: "map" }, this.backdrop.node, svg);
    this.svg = select(svg);
    this.behaviour = zoom<SVGSVGElement, unknown>()
      .scaleExtent([0.3, 40])
      .on("zoom", (event: D3ZoomEvent<SVGSVGElement, unknown>) => {
        if (event.sourceEvent !== null) this.roamed = true;
        this.moveTo(event.transform);
      });
    this.svg.call(this.behaviour).on("dblclick.zoom", null);
    svg.addEventListener("click", (event) => {
      if (event.target === svg) this.pick(null);
    });
    this.stops.addEventListener("keydown", (event) => this.key(event));
    void document.fonts.ready.then(() => {
      this.names.forget();
      this.drawNames();
    });
  }

  /** Draws a network anew, fitted to the part of the window that nothing covers. */
  show(network: NetworkOut, room: Room): void {
    this.room = room;
    this.roamed = false;
    const place = choose(network.sites, network.links, room.fit);
    this.project = place.projection;
    this.tornAt = this.width() * 0.5;
    this.backdrop.show(place.projection, place.ground, network.sites);
    this.buildSites(network);
    this.buildLinks(network);
    this.home = zoomIdentity;
    this.view = zoomIdentity;
    this.svg.interrupt();
    this.svg.call(this.behaviour.transform, zoomIdentity);
    this.draw();
    this.drawNames();
  }

  /** The part of the window that is free has changed: keep the whole network in it, unless one has moved the map. */
  makeRoom(room: Room): void {
    this.room = room;
    if (this.sites.size === 0 || this.roamed) return;
    const { fit } = room;
    const b = this.bounds;
    const k = Math.min(
      2,
      (fit.right - fit.left) / Math.max(1, b.right - b.left),
      (fit.bottom - fit.top) / Math.max(1, b.bottom - b.top),
    );
    const x = (fit.left + fit.right) / 2 - (k * (b.left + b.right)) / 2;
    const y = (fit.top + fit.bottom) / 2 - (k * (b.top + b.bottom)) / 2;
    const there = zoomIdentity.translate(x, y).scale(k);
    if (Math.abs(there.k - this.home.k) < 1e-3 && Math.hypot(there.x - this.home.x, there.y - this.home.y) < 1) return;
    this.home = there;
    this.glide(there);
  }

  zoomBy(factor: number): void {
    this.roamed = true;
    const { fit } = this.room;
    const centre: Point = [(fit.left + fit.right) / 2, (fit.top + fit.bottom) / 2];
    if (this.still.matches) this.svg.call(this.behaviour.scaleBy, factor, centre);
    else this.svg.transition().duration(220).call(this.behaviour.scaleBy, factor, centre);
  }

  goHome(): void {
    this.roamed = false;
    this.home = zoomIdentity;
    this.makeRoom(this.room);
    this.glide(this.home);
  }

  /** Loads and states of links: writes only what differs. */
  paint(stateOf: (link: string) => LinkState, loadOf: (link: string) => number): void {
    let flowing = false;
    for (const mark of this.links.values()) {
      const state = stateOf(mark.id);
      const share = loadOf(mark.id);
      // What is not as it should be lies above what is.
      if (state !== "up" && mark.node.dataset.state === "up") this.roads.append(mark.node);
      put(mark.node, "data-state", state);
      put(mark.node, "data-load", loadText(share));
      put(mark.node, "data-step", String(step(share)));
      const now = state === "down" ? "none" : pace(share);
      flowing ||= now !== mark.pace;
      mark.pace = now;
    }
    if (flowing) this.flows.draw(this.links.values());
  }

  /** Draws the paths of services: above all else for one that is selected, as the only lines for a tenant. */
  trace(routes: Route[], alone: boolean): void {
    this.shownRoutes = routes;
    this.node.classList.toggle("tracing", routes.length > 0 && !alone);
    this.node.classList.toggle("own", alone);
    this.drawRoutes();
  }

  /** Marks what is selected. */
  mark(links: ReadonlySet<string>, sites: ReadonlySet<string>): void {
    this.chosen = { links, sites };
    for (const link of this.links.values()) link.node.classList.toggle("selected", links.has(link.id));
    for (const site of this.sites.values()) site.node.classList.toggle("selected", sites.has(site.id));
    this.drawHalos();
    this.drawNames();
  }

  reach(rings: RingOut[]): void {
    this.backdrop.reach(rings);
  }

  private width(): number {
    return this.node.clientWidth || window.innerWidth;
  }

  private buildSites(network: NetworkOut): void {
    const degree = new Map<string, number>();
    for (const link of network.links) degree.set(link.head, (degree.get(link.head) ?? 0) + 1);
    this.sites = new Map();
    for (const site of network.sites) {
      const lonLat: Point = [site.lon, site.lat];
      const base = this.project(lonLat);
      if (base === null) continue;
      const node = s(
        "g",
        {
          "data-site": site.id,
          "data-kind": site.kind,
          role: "button",
          tabindex: this.sites.size === 0 ? 0 : -1,
          "aria-label": `${site.name}, ${site.kind}`,
          onclick: () => this.pick({ kind: "site", id: site.id }),
        },
        s("circle", { class: "target", r: Math.max(9, radius(site.kind) + 3) }),
        glyph(site.kind),
        s("title", {}, site.name),
      );
      const { id, name, kind } = site;
      this.sites.set(id, { id, name, kind, lonLat, base, at: base, degree: degree.get(id) ?? 0, node });
    }
    const marks = [...this.sites.values()];
    const [x, y] = [marks.map((mark) => mark.base[0]), marks.map((mark) => mark.base[1])];
    this.bounds = { left: Math.min(...x), right: Math.max(...x), top: Math.min(...y), bottom: Math.max(...y) };
    // Pops are drawn first: what customers see, a campus or a cloud, lies above.
    const order = [...marks].sort((a, b) => (IMPORTANCE[a.kind] ?? 0) - (IMPORTANCE[b.kind] ?? 0));
    this.stops.replaceChildren(...order.map((mark) => mark.node));
  }

  private buildLinks(network: NetworkOut): void {
    const largest = Math.max(0, ...network.links.map((link) => link.capacity_gbps));
    const strips = network.links.map(({ id, tail, head, capacity_gbps }) => ({
      id,
      tail,
      head,
      width: width(capacity_gbps, largest),
    }));
    const lane = lanes(strips, 1.1);
    this.links = new Map();
    for (const strip of strips) {
      const [from, to] = [this.sites.get(strip.tail), this.sites.get(strip.head)];
      if (from === undefined || to === undefined) continue;
      const hit = s("path", { class: "hit" });
      const road = s("path", { class: "road" });
      const node = s(
        "g",
        {
          class: "link",
          "data-link": strip.id,
          "data-state": "up",
          "data-load": "0",
          "data-step": "0",
          onclick: () => this.pick({ kind: "link", id: strip.id }),
        },
        hit,
        road,
      );
      const lines = geodesic(from.lonLat, to.lonLat, this.project, this.tornAt);
      const drawn: Point[][] = [];
      this.links.set(strip.id, { ...strip, lane: lane.get(strip.id) ?? 0, lines, node, hit, road, drawn, d: "", pace: "none" });
    }
    this.roads.replaceChildren(...[...this.links.values()].map((mark) => mark.node));
  }

  private glide(to: ZoomTransform): void {
    if (this.still.matches) this.svg.call(this.behaviour.transform, to);
    else this.svg.transition().duration(320).call(this.behaviour.transform, to);
  }

  private moveTo(view: ZoomTransform): void {
    const zoomed = view.k !== this.view.k;
    this.view = view;
    const shift = `translate(${view.x.toFixed(2)},${view.y.toFixed(2)})`;
    put(this.moving, "transform", shift);
    this.backdrop.moveTo(`${shift} scale(${view.k.toFixed(5)})`);
    // Traffic holds its breath while the map moves: what is painted sixty times a second should be little.
    this.flows.node.classList.add("held");
    if (zoomed) this.draw();
    clearTimeout(this.rest);
    this.rest = setTimeout(() => {
      this.flows.node.classList.remove("held");
      this.drawNames();
    }, REST_MS);
  }

  /** How much wider roads get as one comes nearer. */
  private growth(): number {
    return Math.min(2.6, Math.max(0.7, this.view.k ** 0.4)) * Math.min(1, Math.max(0.6, this.width() / 1100));
  }

  /** Sites are drawn smaller on a phone. */
  private small(): number {
    return Math.min(1, Math.max(0.66, this.width() / 1000));
  }

  private draw(): void {
    const k = this.view.k;
    const small = this.small();
    const marks = [...this.sites.values()];
    const bodies = marks.map(({ base, kind }) => ({
      x: base[0] * k,
      y: base[1] * k,
      radius: (radius(kind) + 1.5) * small,
      weight: kind === "pop" ? 4 : 1,
    }));
    const scale = small < 1 ? ` scale(${small.toFixed(2)})` : "";
    for (const [number, at] of spread(bodies, 16).entries()) {
      const mark = marks[number];
      if (mark === undefined) continue;
      mark.at = at;
      put(mark.node, "transform", `translate(${at[0].toFixed(1)},${at[1].toFixed(1)})${scale}`);
    }
    const growth = this.growth();
    for (const mark of this.links.values()) {
      const [start, end] = [this.sites.get(mark.tail), this.sites.get(mark.head)];
      if (start === undefined || end === undefined) continue;
      const middle = anchored(this.scaled(mark.lines), start.at, end.at);
      mark.drawn = middle.map((line) => offset(line, mark.lane * growth));
      mark.d = toPath(mark.drawn);
      put(mark.road, "d", mark.d);
      put(mark.road, "stroke-width", (mark.width * growth).toFixed(2));
      put(mark.hit, "d", mark.d);
      put(mark.hit, "stroke-width", (mark.width * growth + 5).toFixed(2));
    }
    this.flows.draw(this.links.values());
    this.drawRoutes();
    this.drawHalos();
    this.names.follow(this.sites);
  }

  private scaled(lines: readonly (readonly Point[])[]): Point[][] {
    const k = this.view.k;
    return lines.map((line) => line.map(([x, y]): Point => [x * k, y * k]));
  }

  private drawHalos(): void {
    const halos = [...this.chosen.links].flatMap((id) => {
      const mark = this.links.get(id);
      if (mark === undefined) return [];
      return [s("path", { class: "halo", d: mark.d, "stroke-width": mark.width * this.growth() + 7 })];
    });
    this.halos.replaceChildren(...halos);
  }

  private drawRoutes(): void {
    const nodes = this.shownRoutes.map((route) =>
      s("path", {
        class: `route ${route.way}`,
        "data-route": route.service,
        "data-way": route.way,
        "stroke-width": route.way === "there" ? 3 : 2,
        d: toPath(this.alongRoute(route)),
        onclick: () => this.pick({ kind: "service", id: route.service }),
      }),
    );
    this.routes.replaceChildren(...nodes);
  }

  /** On the road where one sees links; between the sites where one does not. */
  private alongRoute(route: Route): Point[][] {
    const marks = route.links.flatMap((id) => this.links.get(id) ?? []);
    if (marks.length > 0 && marks.length === route.links.length) return marks.flatMap((mark) => mark.drawn);
    return route.sites.slice(1).flatMap((head, hop) => {
      const [from, to] = [this.sites.get(route.sites[hop] ?? ""), this.sites.get(head)];
      if (from === undefined || to === undefined) return [];
      const lines = this.scaled(geodesic(from.lonLat, to.lonLat, this.project, this.tornAt));
      return anchored(lines, from.at, to.at).map((line) => offset(line, 2));
    });
  }

  private drawNames(): void {
    // A wall of names is no map: as many as the window holds with ease, more as one comes nearer.
    const most = Math.max(8, Math.round((this.width() / 28) * this.view.k ** 1.5));
    this.names.draw([...this.sites.values()], this.small(), this.chosen.sites, most, this.readable());
  }

  private readable(): Box {
    const { clear } = this.room;
    const { x, y } = this.view;
    return { left: clear.left - x, right: clear.right - x, top: clear.top - y, bottom: clear.bottom - y };
  }

  private key(event: KeyboardEvent): void {
    const here = [...this.sites.values()].find((mark) => mark.node === event.target);
    if (here === undefined) return;
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      this.pick({ kind: "site", id: here.id });
    }
    const there = next(event.key, here, this.sites.values());
    if (there === null) return;
    event.preventDefault();
    here.node.setAttribute("tabindex", "-1");
    there.node.setAttribute("tabindex", "0");
    there.node.focus();
  }
}
