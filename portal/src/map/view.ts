// The map: canvases over one another, what one does with mouse, finger and keys, and a frame in which all of it is drawn. It
// is told what is so and shows it.
import { select, type Selection as D3 } from "d3-selection";
import "d3-transition";
import { zoom, zoomIdentity, type D3ZoomEvent, type ZoomBehavior, type ZoomTransform } from "d3-zoom";
import type { LinkOut, NetworkOut, RingOut } from "../api/schema";
import type { Selection, View as Layout } from "../state/address";
import type { Contour, Route } from "../state/store";
import { t } from "../words/en";
import { Backdrop } from "./backdrop";
import { Layer } from "./canvas";
import { Drawn, type Stop } from "./drawn";
import type { Point } from "./geometry";
import { stopAt, wayAt, distance } from "./hit";
import { Mirror } from "./mirror";
import { Names } from "./naming";
import * as paint from "./paint";
import { palette, type Palette } from "./palette";
import { choose, type Box } from "./projection";
import { geographic, logical, type Scene } from "./scene";
import type { Lit } from "./shown";
import { untangle } from "./untangle";
import { next } from "./walk";

/** The part of the window to fit the network into, and the larger one in which names can be read. */
export interface Room {
  fit: Box;
  clear: Box;
}

const NOWHERE: Box = { left: 0, top: 0, right: 1, bottom: 1 };
/** The map has come to rest. */
const REST_MS = 110;
/** Traffic moves so often a second; less often where drawing it takes long. */
const FLOW_MS = 80;
const NONE: ReadonlySet<string> = new Set();
const TOUCH_PX = 8;
/** Less is a hand that trembles. */
const DREW_PX = 5;
/** The name under which a browser keeps how long it took to draw an update of every link. */
const DRAWN = "links drawn";

export class MapView {
  readonly node = document.createElement("div");
  /** From a site to a site; set where one may. */
  onDrag: ((from: string, to: string) => void) | null = null;

  private readonly backdrop = new Backdrop(() => this.ask("ground"));
  private readonly contours = new Layer("contours");
  private readonly roads = new Layer("roads");
  private readonly flow = new Layer("flows");
  private readonly top = new Layer("network-map");
  private readonly names = new Names();
  private readonly mirror: Mirror;
  private readonly svg: D3<HTMLCanvasElement, unknown, null, undefined>;
  private readonly behaviour: ZoomBehavior<HTMLCanvasElement, unknown>;
  private readonly still = matchMedia("(prefers-reduced-motion: reduce)");
  private colours: Palette | null = null;

  private transform: ZoomTransform = zoomIdentity;
  private home: ZoomTransform = zoomIdentity;
  private room: Room = { fit: NOWHERE, clear: NOWHERE };
  private roamed = false;
  private rest: ReturnType<typeof setTimeout> | undefined;
  private scene: Scene | null = null;
  private drawn: Drawn | null = null;
  private lit: ReadonlyMap<string, Lit> = new Map();
  private network: NetworkOut | null = null;
  private traced: readonly Route[] = [];
  private lines: paint.Line[] = [];
  private within: readonly Contour[] = [];
  private bands: (readonly paint.Piece[])[] = [];
  private own = false;
  private chosen: { links: ReadonlySet<string>; sites: ReadonlySet<string> } = { links: NONE, sites: NONE };
  private ringed = new Set<string>();
  private rubber: { from: Stop; x: number; y: number; x0: number; y0: number } | null = null;
  private drew = false;
  private readonly wanted = new Set<"ground" | "roads" | "top" | "places">();
  private frame = 0;
  private flowed_ms = 0;
  private flowCost_ms = 0;
  private moving = false;
  /** Whether traffic is shown to move: what is only booked does not. */
  private flows = true;
  /** Whether routes are drawn over the links as they are, and not instead of them. */
  private over = false;

  constructor(private readonly pick: (selection: Selection | null) => void) {
    this.node.className = "map";
    this.mirror = new Mirror((selection) => this.choose(selection));
    this.top.node.setAttribute("role", "group");
    this.top.node.setAttribute("aria-label", t.app.map);
    this.top.node.append(...this.mirror.nodes);
    for (const layer of [this.contours, this.roads, this.flow]) layer.node.setAttribute("aria-hidden", "true");
    this.node.append(this.backdrop.node, this.contours.node, this.roads.node, this.flow.node, this.top.node);
    this.svg = select(this.top.node);
    this.behaviour = zoom<HTMLCanvasElement, unknown>()
      .scaleExtent([0.3, 60])
      .filter((event: MouseEvent | TouchEvent) => !(event.ctrlKey && event.type !== "wheel") && !this.grabs(event))
      .on("zoom", (event: D3ZoomEvent<HTMLCanvasElement, unknown>) => {
        if (event.sourceEvent !== null) this.roamed = true;
        this.moveTo(event.transform);
      });
    this.svg.call(this.behaviour).on("dblclick.zoom", null);
    this.listen();
    void document.fonts.ready.then(() => {
      this.names.forget();
      this.ask("places");
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      this.colours = null;
      this.ask("ground", "roads", "top");
    });
    const beat = (now: number): void => {
      this.beat(now);
      requestAnimationFrame(beat);
    };
    requestAnimationFrame(beat);
  }

  /** Draws a network anew, fitted to the part of the window that nothing covers. */
  show(network: NetworkOut, room: Room, layout: Layout): void {
    this.network = network;
    this.room = room;
    this.roamed = false;
    const place = choose(network.sites, network.links, room.fit);
    if (layout === "logical") {
      this.scene = logical(network, untangle(network.sites, network.links, room.fit));
      this.backdrop.show(null, place.ground, network.sites);
    } else {
      this.scene = geographic(network, (point) => place.projection(point), window.innerWidth * 0.5);
      this.backdrop.show(place.projection, place.ground, network.sites);
    }
    this.drawn = new Drawn(this.scene, window.innerWidth);
    this.drawn.light(this.lit);
    this.mirror.show(network);
    this.mirror.light(this.lit);
    this.home = zoomIdentity;
    this.svg.interrupt();
    this.svg.call(this.behaviour.transform, zoomIdentity);
    this.drawn.zoom(1);
    this.reroute();
    this.ask("ground", "roads", "top", "places");
  }

  /** The part of the window that is free has changed: keep the whole network in it, unless one has moved the map. */
  makeRoom(room: Room): void {
    this.room = room;
    this.ask("places");
    if (this.scene === null || this.roamed) return;
    const { fit } = room;
    const b = this.scene.bounds;
    const k = Math.min(2, (fit.right - fit.left) / Math.max(1, b.right - b.left), (fit.bottom - fit.top) / Math.max(1, b.bottom - b.top));
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

  /** Gives the keyboard to the site that Tab would come to. */
  focus(): void {
    this.mirror.focus();
  }

  /** Loads and states of links, and whether traffic moves on them. */
  paint(of: (link: LinkOut) => Lit, moves = true): void {
    if (this.network === null) return;
    const begin = performance.now();
    this.lit = new Map(this.network.links.map((link) => [link.id, of(link)]));
    this.flows = moves;
    this.drawn?.light(this.lit);
    // In the same frame for the eye and for the ear.
    this.draw("roads");
    this.mirror.light(this.lit);
    // For who measures; the one before is forgotten, so that there are never many.
    performance.clearMeasures(DRAWN);
    performance.measure(DRAWN, { start: begin });
  }

  /** Draws the paths of services: above all else for one that is selected, as the only lines for a tenant. */
  trace(routes: readonly Route[], alone: boolean): void {
    this.traced = routes;
    this.own = alone;
    this.over = routes.every(({ way }) => way === "left" || way === "took");
    this.node.classList.toggle("tracing", this.tracing);
    this.mirror.trace(routes);
    this.reroute();
    this.ask("roads", "top");
  }

  /** Marks what is selected. */
  mark(links: ReadonlySet<string>, sites: ReadonlySet<string>): void {
    this.chosen = { links, sites };
    this.ask("roads", "top", "places");
  }

  reach(rings: RingOut[]): void {
    this.backdrop.reach(rings);
  }

  /** Draws how far light comes from a site, along the links. */
  contour(within: readonly Contour[]): void {
    this.within = within;
    this.contours.node.dataset["bands"] = String(within.length);
    this.reroute();
    this.ask("roads");
  }

  /** Whether all else is faint for the sake of what is traced. */
  private get tracing(): boolean {
    return this.traced.length > 0 && !this.own && !this.over;
  }

  private get view(): paint.View {
    const { x, y, k } = this.transform;
    return { x, y, k, width: window.innerWidth, height: window.innerHeight };
  }

  private ask(...what: ("ground" | "roads" | "top" | "places")[]): void {
    for (const one of what) this.wanted.add(one);
    if (this.frame !== 0) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      const now = new Set(this.wanted);
      this.wanted.clear();
      if (now.has("places") && !this.moving) {
        this.place();
        now.add("top");
      }
      for (const one of ["ground", "roads", "top"] as const) if (now.has(one)) this.draw(one);
    });
  }

  private draw(what: "ground" | "roads" | "top"): void {
    const { drawn, view } = this;
    const colours = (this.colours ??= palette());
    if (drawn === null) return;
    if (what === "ground") return this.backdrop.draw(view, colours);
    if (what === "roads") {
      this.roads.fit(view.width, view.height);
      this.contours.node.hidden = this.bands.length === 0;
      if (this.bands.length > 0) {
        this.contours.fit(view.width, view.height);
        paint.contours(this.contours.clear(), this.bands, view, colours);
      }
      const look = { tracing: this.tracing, chosen: this.chosen.sites, selected: this.chosen.links };
      const pen = this.roads.clear();
      paint.halos(pen, drawn, view, colours, this.chosen.links);
      paint.roads(pen, drawn, view, colours, look);
      return undefined;
    }
    this.top.fit(view.width, view.height);
    const pen = this.top.clear();
    paint.routes(pen, this.lines, view, colours, this.own);
    if (this.rubber !== null) {
      const { from, x, y } = this.rubber;
      pen.strokeStyle = colours.accent;
      pen.lineWidth = 2.5;
      pen.setLineDash([6, 5]);
      pen.beginPath();
      pen.moveTo(from.at[0] + view.x, from.at[1] + view.y);
      pen.lineTo(x, y);
      pen.stroke();
      pen.setLineDash([]);
    }
    paint.stops(pen, this.order(drawn), view, colours, this.chosen.sites, this.ringed);
    paint.names(pen, this.names.shown, view, colours);
    return undefined;
  }

  /** Pops are drawn first: what customers see, a campus or a cloud, lies above. */
  private order(drawn: Drawn): readonly Stop[] {
    return [...drawn.stops].sort((a, b) => Number(a.kind !== "pop") - Number(b.kind !== "pop"));
  }

  private beat(now: number): void {
    const { drawn } = this;
    const idle = drawn === null || this.moving || document.hidden || !this.flows || this.tracing;
    this.flow.node.hidden = idle;
    // What was drawn before the map moved is nowhere now: the next beat draws anew, however soon it comes.
    if (idle) this.flowed_ms = 0;
    if (idle || drawn.ways.length === 0) return;
    // A sixteenth of the time at the most, whatever is on the map.
    if (now - this.flowed_ms < Math.max(FLOW_MS, this.flowCost_ms * 16)) return;
    if (this.still.matches && this.flowed_ms > 0 && now - this.flowed_ms < 1000) return;
    this.flowed_ms = now;
    const begin = performance.now();
    const { view } = this;
    this.flow.fit(view.width, view.height);
    paint.flows(this.flow.clear(), drawn, view, (this.colours ??= palette()), this.still.matches ? 0 : now / 1000);
    this.flowCost_ms = performance.now() - begin;
  }

  private place(): void {
    if (this.drawn !== null) this.names.find(this.drawn, this.view, this.chosen.sites, this.room.clear);
  }

  private glide(to: ZoomTransform): void {
    if (this.still.matches) this.svg.call(this.behaviour.transform, to);
    else this.svg.transition().duration(320).call(this.behaviour.transform, to);
  }

  private moveTo(transform: ZoomTransform): void {
    const zoomed = transform.k !== this.transform.k;
    this.transform = transform;
    this.moving = true;
    if (zoomed && this.drawn !== null) {
      this.drawn.zoom(transform.k);
      this.names.follow(this.drawn);
      this.reroute();
    }
    this.backdrop.follow(this.view);
    this.ask("roads", "top");
    clearTimeout(this.rest);
    this.rest = setTimeout(() => {
      this.moving = false;
      this.ask("ground", "places");
    }, REST_MS);
  }

  /** Routes on the roads where one sees links; between the sites where one does not. */
  private reroute(): void {
    const { drawn, scene } = this;
    if (drawn === null || scene === null) return;
    const roadOf = new Map(drawn.ways.flatMap((way) => way.bundle.links.map((link) => [link, way] as const)));
    this.bands = this.within.map(({ pieces }) =>
      pieces.flatMap(({ link, share }) => {
        const way = roadOf.get(link);
        return way === undefined ? [] : [{ lines: way.lines, lane: way.lane, pull: way.pull, share }];
      }),
    );
    this.lines = this.traced.map(({ way, sites, links }) => {
      if (links.length > 0 && links.every((link) => scene.roads.has(link)))
        return { way, lines: links.flatMap((link) => roadOf.get(link) ?? []) };
      const lines = sites.slice(1).flatMap((head, hop) => {
        const [from, to] = [drawn.stopOf(sites[hop] ?? ""), drawn.stopOf(head)];
        if (from === undefined || to === undefined || (from === to && sites[hop] !== head)) return [];
        const [a, b] = [from.cluster.head.at, to.cluster.head.at];
        const pull: [number, number, number, number] = [
          from.at[0] - a[0] * drawn.k,
          from.at[1] - a[1] * drawn.k,
          to.at[0] - b[0] * drawn.k,
          to.at[1] - b[1] * drawn.k,
        ];
        // From a site to itself is the site: a point.
        if (from === to) return [{ lines: [Float32Array.of(a[0], a[1], 0, 0)], lane: 0, pull }];
        return [{ lines: scene.trace(from.cluster.head, to.cluster.head), lane: 2, pull }];
      });
      return { way, lines };
    });
  }

  /** A site that stands for several opens; everything else is selected. */
  private choose(selection: Selection | null): void {
    const stop = selection?.kind === "site" ? this.drawn?.stop.get(selection.id) : undefined;
    if (stop === undefined || stop.count === 1) this.pick(selection);
    else this.enter(stop);
  }

  private enter(stop: Stop): void {
    this.roamed = true;
    const { fit } = this.room;
    const k = Math.min(50, this.transform.k * 2);
    const [x, y] = stop.cluster.head.at;
    this.glide(zoomIdentity.translate((fit.left + fit.right) / 2 - x * k, (fit.top + fit.bottom) / 2 - y * k).scale(k));
  }

  private listen(): void {
    const node = this.top.node;
    node.addEventListener("click", (event) => {
      // A line that was drawn ends with a click, which is none.
      if (event.target !== node || this.drew) return;
      const found = this.under(event.offsetX, event.offsetY, event instanceof PointerEvent && event.pointerType === "touch");
      this.choose(found?.selection ?? null);
    });
    node.addEventListener("pointermove", (event) => this.hover(event));
    node.addEventListener("pointerleave", () => this.ring(null));
    node.addEventListener("pointerdown", (event) => {
      this.drew = false;
      if (!this.grabs(event)) return;
      const from = this.stopUnder(event);
      if (from === null) return;
      node.setPointerCapture(event.pointerId);
      const [x, y] = [event.offsetX, event.offsetY];
      this.rubber = { from, x, y, x0: x, y0: y };
    });
    node.addEventListener("pointerup", (event) => {
      const { rubber } = this;
      this.rubber = null;
      if (rubber === null) return;
      this.drew = Math.hypot(event.offsetX - rubber.x0, event.offsetY - rubber.y0) > DREW_PX;
      this.ask("top");
      const to = this.stopUnder(event);
      if (to !== null && to.id !== rubber.from.id) this.onDrag?.(rubber.from.id, to.id);
    });
    node.addEventListener("pointercancel", () => {
      this.rubber = null;
      this.ask("top");
    });
    this.mirror.sites.addEventListener("keydown", (event) => this.key(event));
    this.mirror.sites.addEventListener("focusin", (event) => this.standAt(siteOf(event.target)));
    this.mirror.sites.addEventListener("focusout", () => this.ring(null));
  }

  /** Whether a press begins a line from a site to a site instead of moving the map. */
  private grabs(event: Event): boolean {
    const pressed = event.type === "pointerdown" || event.type === "mousedown";
    if (this.onDrag === null || !pressed || !(event instanceof MouseEvent) || event.button !== 0) return false;
    if (event instanceof PointerEvent && event.pointerType === "touch") return false;
    const stop = this.stopUnder(event);
    return stop !== null && stop.count === 1;
  }

  private stopUnder(event: MouseEvent): Stop | null {
    return this.drawn === null ? null : stopAt(this.drawn, this.view, event.offsetX, event.offsetY);
  }

  private under(x: number, y: number, touch = false): { selection: Selection; said: string; stop?: Stop } | null {
    const { drawn, view } = this;
    if (drawn === null) return null;
    const slop = touch ? TOUCH_PX : 0;
    const stop = stopAt(drawn, view, x, y, slop);
    if (stop !== null) {
      const said = stop.count > 1 ? t.map.several(stop.name, stop.count - 1) : stop.name;
      return { selection: { kind: "site", id: stop.id }, said, stop };
    }
    const route = this.traced.findIndex((_, at) => this.lines[at]?.lines.some((line) => distance(line, view, x, y) < 4 + slop));
    const service = this.traced[route]?.service ?? "";
    if (service !== "") return { selection: { kind: "service", id: service }, said: service };
    const way = wayAt(drawn, view, x, y, slop);
    return way === null ? null : { selection: { kind: "link", id: way.bundle.links[0] ?? way.id }, said: `${way.tail.name} → ${way.head.name}` };
  }

  private hover(event: PointerEvent): void {
    if (this.rubber !== null) {
      this.rubber = { ...this.rubber, x: event.offsetX, y: event.offsetY };
      this.ask("top");
      return;
    }
    if (event.buttons !== 0) return;
    const found = this.under(event.offsetX, event.offsetY);
    this.node.classList.toggle("over", found !== null);
    this.top.node.title = found?.said ?? "";
    this.ring(found?.stop?.id ?? null);
  }

  private ring(stop: string | null): void {
    if (stop === null ? this.ringed.size === 0 : this.ringed.has(stop)) return;
    this.ringed = new Set(stop === null ? [] : [stop]);
    this.ask("top");
  }

  /** The keyboard is at a site: ring it, and bring it into the window. */
  private standAt(site: string | null): void {
    const stop = site === null ? undefined : this.drawn?.stopOf(site);
    if (stop === undefined) return;
    this.mirror.stand(site);
    this.ring(stop.id);
    const { clear } = this.room;
    const [x, y] = [stop.at[0] + this.transform.x, stop.at[1] + this.transform.y];
    if (x > clear.left && x < clear.right && y > clear.top && y < clear.bottom) return;
    this.roamed = true;
    const [dx, dy] = [(clear.left + clear.right) / 2 - x, (clear.top + clear.bottom) / 2 - y];
    this.glide(zoomIdentity.translate(this.transform.x + dx, this.transform.y + dy).scale(this.transform.k));
  }

  private key(event: KeyboardEvent): void {
    const here = this.drawn?.stopOf(siteOf(event.target) ?? "");
    if (here === undefined || this.drawn === null) return;
    const there = next(event.key, here, this.drawn.stops);
    if (there === null) return;
    event.preventDefault();
    this.mirror.stand(there.id);
    this.mirror.focus(there.id);
  }
}

function siteOf(target: EventTarget | null): string | null {
  return target instanceof HTMLElement ? (target.dataset["site"] ?? null) : null;
}
