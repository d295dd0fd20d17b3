// Drawing what is in the window: roads with their load, traffic in motion, sites and names. It decides nothing but pixels.
import { along, type Drawn, type Stop, type Way } from "./drawn";
import type { Point } from "./geometry";
import { glyphPath } from "./glyphs";
import type { Placed } from "./labels";
import { FONT, type Palette } from "./palette";
import type { Route } from "../state/store";

export interface View {
  x: number;
  y: number;
  k: number;
  width: number;
  height: number;
}

/** How far a dash of traffic is from the next, and how long it is. */
const GAP_PX = 24;
const DASH_PX = 3;
const SPEED_PX_S: Record<string, number> = { slow: 7.5, medium: 12, fast: 20 };
/** More dashes than this are no picture of traffic but a burden. */
const MOST_DASHES = 6000;
export const NAME_PX = 11;
const RING_PX = 13;

export interface Look {
  /** What is not of it is drawn faint: a path is being shown. */
  tracing: boolean;
  chosen: ReadonlySet<string>;
  selected: ReadonlySet<string>;
}

/** Whether a way may be seen: by the box about its ends, with room for its bend. */
export function seen(way: Way, { x, y, width, height }: View): boolean {
  const [a, b] = [way.tail.at, way.head.at];
  const room = 40 + 0.2 * (Math.abs(a[0] - b[0]) + Math.abs(a[1] - b[1]));
  return (
    Math.max(a[0], b[0]) + x + room > 0 &&
    Math.min(a[0], b[0]) + x - room < width &&
    Math.max(a[1], b[1]) + y + room > 0 &&
    Math.min(a[1], b[1]) + y - room < height
  );
}

/** Roads of one look are one stroke, so many at a time: a path of thousands of pieces takes longer than its pieces. */
const TOGETHER = 200;

export function roads(pen: CanvasRenderingContext2D, drawn: Drawn, view: View, colours: Palette, look: Look): number {
  const looks = new Map<string, Way[]>();
  let count = 0;
  for (const way of drawn.ways) {
    if (!seen(way, view)) continue;
    count += 1;
    const faint = look.tracing && !way.bundle.links.some((link) => look.selected.has(link)) && way.state !== "down";
    // What is not as it should be lies above what is.
    const order = way.state === "down" ? 9 : way.state === "drained" ? 8 : way.step;
    const key = `${String(order)} ${way.width.toFixed(1)} ${faint ? "f" : ""}`;
    const held = looks.get(key);
    if (held === undefined) looks.set(key, [way]);
    else held.push(way);
  }
  pen.lineCap = "butt";
  pen.lineJoin = "round";
  for (const key of [...looks.keys()].sort()) {
    const ways = looks.get(key) ?? [];
    const [first] = ways;
    if (first === undefined) continue;
    pen.strokeStyle = first.state === "down" ? colours.down : first.state === "drained" ? colours.drained : (colours.load[first.step] ?? "");
    pen.setLineDash(first.state === "down" ? [6, 4] : first.state === "drained" ? [2, 2.4] : []);
    pen.lineWidth = first.width;
    pen.globalAlpha = key.endsWith("f") ? 0.35 : 1;
    for (let from = 0; from < ways.length; from += TOGETHER) {
      pen.beginPath();
      for (const way of ways.slice(from, from + TOGETHER)) trace(pen, way, view);
      pen.stroke();
    }
  }
  pen.setLineDash([]);
  pen.globalAlpha = 1;
  return count;
}

function trace(pen: CanvasRenderingContext2D, way: Pick<Way, "lines" | "lane" | "pull">, { k, x, y }: View): void {
  along(way, k, x, y, (px, py, begins) => (begins ? pen.moveTo(px, py) : pen.lineTo(px, py)));
}

/** Dashes that run along roads, the faster the fuller. */
export function flows(pen: CanvasRenderingContext2D, drawn: Drawn, view: View, colours: Palette, at_s: number): void {
  const moving = drawn.ways.filter((way) => way.pace !== "none" && seen(way, view));
  let length = 0;
  for (const { tail, head } of moving) length += Math.hypot(tail.at[0] - head.at[0], tail.at[1] - head.at[1]);
  const gap = Math.max(GAP_PX, length / MOST_DASHES);
  pen.strokeStyle = colours.flow;
  pen.lineWidth = 1.1;
  pen.lineCap = "round";
  pen.beginPath();
  for (const way of moving) {
    let before: Point | null = null;
    let next = ((at_s * (SPEED_PX_S[way.pace] ?? 0)) % gap) - gap;
    let gone = 0;
    along(way, view.k, view.x, view.y, (x, y, begins) => {
      if (before !== null && !begins) {
        const [dx, dy] = [x - before[0], y - before[1]];
        const piece = Math.hypot(dx, dy);
        if (piece > 0) {
          while (next + DASH_PX < gone + piece) {
            if (next >= gone) {
              const [from, to] = [(next - gone) / piece, (next + DASH_PX - gone) / piece];
              const left = before[0] + dx * from;
              if (left > -9 && left < view.width + 9) {
                pen.moveTo(left, before[1] + dy * from);
                pen.lineTo(before[0] + dx * to, before[1] + dy * to);
              }
            }
            next += gap;
          }
          gone += piece;
        }
      }
      before = [x, y];
    });
  }
  pen.stroke();
}

export interface Line {
  way: Route["way"];
  lines: readonly Pick<Way, "lines" | "lane" | "pull">[];
}

/** How a way is drawn: a colour of the palette, pixels, and how opaque it is. */
export interface WayLook {
  colour: "there" | "back" | "accent" | "down" | "warn";
  width: number;
  dash: readonly number[];
  alpha: number;
}

/** The key shows them as they are here. */
export const LOOKS: Record<Exclude<Route["way"], "binds">, WayLook> = {
  there: { colour: "there", width: 3, dash: [], alpha: 1 },
  back: { colour: "back", width: 2, dash: [1, 5], alpha: 1 },
  spare: { colour: "there", width: 2, dash: [8, 7], alpha: 0.55 },
  would: { colour: "accent", width: 3, dash: [10, 5], alpha: 1 },
  was: { colour: "there", width: 2, dash: [5, 6], alpha: 0.8 },
  becomes: { colour: "accent", width: 3, dash: [], alpha: 1 },
  left: { colour: "there", width: 2, dash: [5, 6], alpha: 0.8 },
  took: { colour: "accent", width: 3, dash: [], alpha: 1 },
  dark: { colour: "down", width: 3, dash: [2, 6], alpha: 1 },
  leaves: { colour: "there", width: 2, dash: [5, 6], alpha: 0.8 },
  goes: { colour: "accent", width: 3, dash: [], alpha: 1 },
  stuck: { colour: "warn", width: 3, dash: [2, 6], alpha: 1 },
};

/** The paths of services; `own` where they are all the lines there are. */
export function routes(pen: CanvasRenderingContext2D, lines: readonly Line[], view: View, colours: Palette, own: boolean): void {
  pen.lineJoin = "round";
  pen.lineCap = "round";
  for (const { way, lines: pieces } of lines) {
    if (own && way !== "there") continue;
    if (way === "binds") {
      binds(pen, pieces, view, colours);
      continue;
    }
    const look = LOOKS[way];
    pen.strokeStyle = own ? colours.accent : colours[look.colour];
    pen.lineWidth = own ? 2 : look.width;
    pen.setLineDash([...look.dash]);
    pen.globalAlpha = look.alpha;
    pen.beginPath();
    for (const piece of pieces) trace(pen, piece, view);
    pen.stroke();
  }
  pen.setLineDash([]);
  pen.globalAlpha = 1;
}

/** What stands in the way: beside the road's own look, not instead of it. */
function binds(pen: CanvasRenderingContext2D, pieces: Line["lines"], view: View, colours: Palette): void {
  pen.setLineDash([]);
  for (const [width, alpha] of [
    [14, 0.3],
    [4, 1],
  ] as const) {
    pen.strokeStyle = colours.warn;
    pen.lineWidth = width;
    pen.globalAlpha = alpha;
    pen.beginPath();
    for (const piece of pieces) {
      const box = bounds(piece, view);
      // A site: a ring about it.
      if (box.width < 1) pen.moveTo(box.x + RING_PX, box.y);
      if (box.width < 1) pen.arc(box.x, box.y, RING_PX, 0, 2 * Math.PI);
      else trace(pen, piece, view);
    }
    pen.stroke();
  }
  pen.globalAlpha = 1;
}

function bounds(piece: Line["lines"][number], { k, x, y }: View): { x: number; y: number; width: number } {
  let [left, right, top] = [Infinity, -Infinity, Infinity];
  let low = -Infinity;
  along(piece, k, x, y, (px, py) => {
    [left, right] = [Math.min(left, px), Math.max(right, px)];
    [top, low] = [Math.min(top, py), Math.max(low, py)];
  });
  return { x: left, y: top, width: Math.max(right - left, low - top) };
}

/** A piece of a way, from its tail on. */
export type Piece = Pick<Way, "lines" | "lane" | "pull"> & { share: number };

/**
 * How far light comes: a band about every piece that it reaches, the farthest below and widest, each with an edge. It follows
 * the fibre, as light does; where two pieces are near each other their bands are one.
 */
export function contours(pen: CanvasRenderingContext2D, bands: readonly (readonly Piece[])[], view: View, colours: Palette): void {
  pen.lineJoin = "round";
  pen.lineCap = "round";
  for (let band = bands.length - 1; band >= 0; band -= 1) {
    const path = new Path2D();
    for (const piece of bands[band] ?? []) tracePart(path, piece, view);
    const width = 26 + band * 16;
    pen.strokeStyle = colours.bandEdge;
    pen.lineWidth = width + 3;
    pen.stroke(path);
    pen.strokeStyle = colours.band[band] ?? "";
    pen.lineWidth = width;
    pen.stroke(path);
  }
}

/** The first share of a way, by its length on the map. */
function tracePart(path: Path2D, piece: Piece, { k, x, y }: View): void {
  const points: [number, number, boolean][] = [];
  let length = 0;
  along(piece, k, x, y, (px, py, begins) => {
    const before = points.at(-1);
    if (before !== undefined && !begins) length += Math.hypot(px - before[0], py - before[1]);
    points.push([px, py, begins]);
  });
  let left = length * Math.min(1, piece.share);
  for (const [at, [px, py, begins]] of points.entries()) {
    const before = points[at - 1];
    if (before === undefined || begins) {
      path.moveTo(px, py);
      continue;
    }
    const step = Math.hypot(px - before[0], py - before[1]);
    const part = step > left ? left / step : 1;
    path.lineTo(before[0] + (px - before[0]) * part, before[1] + (py - before[1]) * part);
    left -= step;
    if (left <= 0) return;
  }
}

export function halos(pen: CanvasRenderingContext2D, drawn: Drawn, view: View, colours: Palette, links: ReadonlySet<string>): void {
  if (links.size === 0) return;
  pen.strokeStyle = colours.halo;
  pen.lineCap = "round";
  for (const way of drawn.ways) {
    if (!way.bundle.links.some((link) => links.has(link))) continue;
    pen.lineWidth = way.width + 7;
    pen.beginPath();
    trace(pen, way, view);
    pen.stroke();
  }
}

const shapes = new Map<string, Path2D>();

function shape(kind: string, r: number): Path2D {
  const key = `${kind} ${r.toFixed(1)}`;
  const known = shapes.get(key) ?? new Path2D(glyphPath(kind, Math.round(r * 10) / 10));
  shapes.set(key, known);
  return known;
}

/** Sites by their shapes; several that are one as a disc with their number. `ringed` has the keyboard, or the mouse. */
export function stops(
  pen: CanvasRenderingContext2D,
  all: readonly Stop[],
  view: View,
  colours: Palette,
  selected: ReadonlySet<string>,
  ringed: ReadonlySet<string>,
): void {
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.lineJoin = "round";
  for (const stop of all) {
    const [x, y] = [stop.at[0] + view.x, stop.at[1] + view.y];
    if (x < -30 || y < -30 || x > view.width + 30 || y > view.height + 30) continue;
    const chosen = stop.cluster.members.some((spot) => selected.has(spot.id));
    if (chosen || ringed.has(stop.id)) {
      pen.beginPath();
      pen.arc(x, y, Math.max(9, stop.radius + 3), 0, 2 * Math.PI);
      pen.fillStyle = colours.halo;
      pen.fill();
      pen.strokeStyle = colours.accent;
      pen.lineWidth = 1.8;
      pen.stroke();
    }
    if (stop.count > 1) {
      pen.beginPath();
      pen.arc(x, y, stop.radius, 0, 2 * Math.PI);
      pen.fillStyle = colours.sheet;
      pen.fill();
      pen.strokeStyle = colours.kind[stop.kind] ?? colours.muted;
      pen.lineWidth = 2;
      pen.stroke();
      pen.fillStyle = colours.text;
      pen.font = `600 ${String(stop.count > 99 ? 9 : 10)}px ${FONT}`;
      pen.fillText(String(stop.count), x, y + 0.5);
      continue;
    }
    pen.translate(x, y);
    const path = shape(stop.kind, stop.radius);
    pen.strokeStyle = colours.water;
    pen.lineWidth = 2.8;
    pen.stroke(path);
    pen.fillStyle = colours.kind[stop.kind] ?? colours.kind["pop"] ?? "";
    pen.fill(path);
    pen.translate(-x, -y);
  }
}

export interface Name {
  label: Placed;
  stop: Stop;
  /** Where its stop was when its place was found. */
  from: Point;
  text: string;
  first: boolean;
}

export function names(pen: CanvasRenderingContext2D, all: readonly Name[], view: View, colours: Palette): void {
  pen.textBaseline = "alphabetic";
  pen.lineJoin = "round";
  pen.lineWidth = 3.4;
  pen.strokeStyle = colours.glow;
  for (const { label, stop, from, text, first } of all) {
    const strong = first || ["campus", "cloud", "enterprise"].includes(stop.kind);
    const [x, y] = [label.x + stop.at[0] - from[0] + view.x, label.y + stop.at[1] - from[1] + view.y];
    pen.textAlign = label.anchor === "middle" ? "center" : label.anchor;
    pen.font = `${strong ? "600" : "500"} ${String(NAME_PX)}px ${FONT}`;
    pen.fillStyle = strong ? colours.text : stop.kind === "edge" ? colours.soft : colours.muted;
    pen.strokeText(text, x, y);
    pen.fillText(text, x, y);
  }
}
