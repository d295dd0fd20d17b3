// Names beside sites. Places are found when the map comes to rest; while it moves, the names just go along.
import { put, s } from "../dom";
import { IMPORTANCE, radius } from "./glyphs";
import { place, type Placed } from "./labels";
import type { Point } from "./geometry";
import type { Box } from "./projection";

export interface Named {
  id: string;
  name: string;
  kind: string;
  at: Point;
  degree: number;
}

const SIZE_PX = 11;
const LONGEST = 26;

export class Names {
  readonly node = s("g", { class: "names", "aria-hidden": "true" });
  private readonly ruler = document.createElement("canvas").getContext("2d");
  private readonly widths = new Map<string, number>();
  private shown: { label: Placed; from: Point; node: SVGTextElement }[] = [];

  /** Finds places for as many names as there is room for; `first` are named before all others. */
  draw(sites: readonly Named[], scale: number, first: ReadonlySet<string>, most: number, inside?: Box): void {
    const byId = new Map(sites.map((site) => [site.id, site]));
    const wanted = sites.map((site) => ({
      id: site.id,
      x: site.at[0],
      y: site.at[1],
      radius: radius(site.kind) * scale,
      width: this.measure(short(site.name)),
      height: SIZE_PX * 1.25,
      importance: (first.has(site.id) ? 1e6 : 0) + (IMPORTANCE[site.kind] ?? 0) + site.degree * 30,
    }));
    this.shown = place(wanted, most, inside).flatMap((label) => {
      const site = byId.get(label.id);
      if (site === undefined) return [];
      const named = first.has(label.id) ? "name first" : "name";
      const node = s("text", { "text-anchor": label.anchor, "data-kind": site.kind, class: named }, short(site.name));
      return [{ label, from: site.at, node }];
    });
    this.follow(byId);
    this.node.replaceChildren(...this.shown.map((one) => one.node));
  }

  /** Moves each name with its site. */
  follow(sites: ReadonlyMap<string, { at: Point }>): void {
    for (const { label, from, node } of this.shown) {
      const at = sites.get(label.id)?.at ?? from;
      put(node, "x", (label.x + at[0] - from[0]).toFixed(1));
      put(node, "y", (label.y + at[1] - from[1]).toFixed(1));
    }
  }

  /** Another font has come: what was measured is void. */
  forget(): void {
    this.widths.clear();
  }

  private measure(text: string): number {
    const known = this.widths.get(text);
    if (known !== undefined) return known;
    if (this.ruler !== null) this.ruler.font = `600 ${SIZE_PX}px Inter, sans-serif`;
    const found = this.ruler?.measureText(text).width ?? text.length * SIZE_PX * 0.56;
    this.widths.set(text, found);
    return found;
  }
}

function short(name: string): string {
  return name.length > LONGEST ? `${name.slice(0, LONGEST - 1)}…` : name;
}
