// Which names there are on the map, and where. Places are found when the map comes to rest; while it moves, the names just go
// along.
import type { Drawn, Stop } from "./drawn";
import { IMPORTANCE } from "./glyphs";
import { place } from "./labels";
import { NAME_PX, type Name, type View } from "./paint";
import { FONT } from "./palette";
import type { Box } from "./projection";

const LONGEST = 26;
/** Each is drawn in every frame of a move. */
const MOST = 160;

export class Names {
  shown: Name[] = [];
  private readonly ruler = document.createElement("canvas").getContext("2d");
  private readonly widths = new Map<string, number>();

  /** Finds places for as many names as there is room for; `first` are named before all others. */
  find(drawn: Drawn, view: View, first: ReadonlySet<string>, clear: Box): void {
    const inside = { left: clear.left - view.x, right: clear.right - view.x, top: clear.top - view.y, bottom: clear.bottom - view.y };
    const near = drawn.stops.filter(
      ({ at }) => at[0] > inside.left - 40 && at[0] < inside.right + 40 && at[1] > inside.top - 40 && at[1] < inside.bottom + 40,
    );
    const chosen = (stop: Stop): boolean => stop.cluster.members.some((spot) => first.has(spot.id));
    const wanted = near.map((stop) => ({
      id: stop.id,
      x: stop.at[0],
      y: stop.at[1],
      radius: stop.radius,
      width: this.measure(short(stop.name)),
      height: NAME_PX * 1.25,
      importance: (chosen(stop) ? 1e6 : 0) + (IMPORTANCE[stop.kind] ?? 0) + stop.degree * 30 + stop.count * 10,
    }));
    // A wall of names is no map: as many as the window holds with ease, more as one comes nearer.
    const most = Math.min(MOST, Math.max(8, Math.round((view.width / 28) * view.k ** 1.5)));
    this.shown = place(wanted, most, inside).flatMap((label) => {
      const stop = drawn.stop.get(label.id);
      return stop === undefined ? [] : [{ label, stop, from: stop.at, text: short(stop.name), first: chosen(stop) }];
    });
  }

  /** The same names at stops that were made anew. */
  follow(drawn: Drawn): void {
    this.shown = this.shown.flatMap((name) => {
      const stop = drawn.stop.get(name.stop.id);
      return stop === undefined ? [] : [{ ...name, stop }];
    });
  }

  /** Another font has come: what was measured is void. */
  forget(): void {
    this.widths.clear();
  }

  private measure(text: string): number {
    const known = this.widths.get(text);
    if (known !== undefined) return known;
    if (this.ruler !== null) this.ruler.font = `600 ${String(NAME_PX)}px ${FONT}`;
    const found = this.ruler?.measureText(text).width ?? text.length * NAME_PX * 0.56;
    this.widths.set(text, found);
    return found;
  }
}

function short(name: string): string {
  return name.length > LONGEST ? `${name.slice(0, LONGEST - 1)}…` : name;
}
