// A drain as it would be, worked out from what the API says of it: what the map draws, and what each service's line reads.
import type { EmptiedOut, GoesOut, MaintenanceOut } from "../../api/schema";
import { changes, type Refilled } from "../../places/plan/gain";
import { targetName } from "../../state/naming";
import { waysOf } from "../../state/services";
import type { Overlay, Route, State } from "../../state/store";
import { t } from "../../words/en";
import { ms } from "../../words/figures";

/** More ways at once are a tangle. */
export const MOST_DRAWN = 60;

/** Whether its traffic goes another way, and it has not only another backup. */
export function moves({ before, after }: GoesOut): boolean {
  const ways = (of: GoesOut["before"]): string => of.map((path) => path.links.join(" ")).join("|");
  return ways(before) !== ways(after);
}

/** What a service's line reads: its latency before and after, and what else one should know. */
export function goesWords(one: GoesOut): string {
  const words = [moves(one) ? t.drain.way(ms(one.latency_before_ms), ms(one.latency_after_ms)) : t.drain.backup];
  if (one.unprotected) words.push(t.drain.unprotected);
  return words.join(", ");
}

/** Links that fill and that empty, those that change most first. */
export function refilled(would: EmptiedOut): { fuller: Refilled[]; emptier: Refilled[] } {
  return changes(would.shifted);
}

/** How many services the map draws, and of how many. */
export function drawn(preview: MaintenanceOut): [number, number] {
  const all = preview.stuck.length + (preview.would?.goes.filter(moves).length ?? 0);
  return [Math.min(MOST_DRAWN, all), all];
}

/** What the map shows: dashed from where and solid to where, what would stay, and every link with the load that it would have. */
export function drainOverlay(state: State, preview: MaintenanceOut): Overlay {
  const would = preview.would ?? { links: [], goes: [], shifted: [] };
  const going = would.goes.filter(moves);
  const stuck = preview.stuck.slice(0, MOST_DRAWN);
  const shown = going.slice(0, MOST_DRAWN - stuck.length);
  const of = (service: string, way: Route["way"], paths: GoesOut["before"]): Route[] =>
    paths.map(({ sites, links }) => ({ service, way, sites, links }));
  return {
    said: t.drain.said(would.links.length, going.length, preview.stuck.length),
    preview: t.drain.key(targetName(state, preview.target)),
    lost: new Set(),
    drained: new Set(would.links),
    loads: new Map(would.shifted.map((one) => [one.link, one.after_gbps / one.capacity_gbps])),
    routes: [
      ...shown.flatMap((one) => of(one.service, "leaves", one.before)),
      ...shown.flatMap((one) => of(one.service, "goes", one.after)),
      ...stuck.flatMap((id) => {
        const service = state.services.get(id);
        return service === undefined ? [] : of(id, "stuck", waysOf(service).flatMap(({ there }) => there ?? []));
      }),
    ],
  };
}
