// What is under a point of the window: a site first, then the path of a service, then a link.
import { along, type Drawn, type Stop, type Way } from "./drawn";
import { seen, type View } from "./paint";

const SITE_PX = 9;
const LINK_PX = 4;

export function stopAt(drawn: Drawn, view: View, x: number, y: number, slop = 0): Stop | null {
  let best: Stop | null = null;
  let least = Infinity;
  for (const stop of drawn.stops) {
    const away = Math.hypot(stop.at[0] + view.x - x, stop.at[1] + view.y - y);
    if (away > Math.max(SITE_PX, stop.radius + 3) + slop || away >= least) continue;
    [best, least] = [stop, away];
  }
  return best;
}

export function wayAt(drawn: Drawn, view: View, x: number, y: number, slop = 0): Way | null {
  let best: Way | null = null;
  let least = Infinity;
  for (const way of drawn.ways) {
    if (!seen(way, view)) continue;
    const away = distance(way, view, x, y) - way.width / 2;
    if (away > LINK_PX + slop || away >= least) continue;
    [best, least] = [way, away];
  }
  return best;
}

/** How far a point is from a line, in pixels. */
export function distance(way: Pick<Way, "lines" | "lane" | "pull">, view: View, x: number, y: number): number {
  let least = Infinity;
  let [ax, ay] = [0, 0];
  along(way, view.k, view.x, view.y, (bx, by, begins) => {
    if (!begins) least = Math.min(least, toPiece(ax, ay, bx, by, x, y));
    [ax, ay] = [bx, by];
  });
  return least;
}

function toPiece(ax: number, ay: number, bx: number, by: number, x: number, y: number): number {
  const [dx, dy] = [bx - ax, by - ay];
  const length = dx * dx + dy * dy;
  const share = length === 0 ? 0 : Math.max(0, Math.min(1, ((x - ax) * dx + (y - ay) * dy) / length));
  return Math.hypot(x - ax - dx * share, y - ay - dy * share);
}
