// What a plan changes, worked out: its gain in words, what fills and what empties, its steps, and what the map shows of it.
import type { DoingOut, MoveOut, PlanDiffOut, PlanOut, RefilledOut } from "../../api/schema";
import { linksAlong } from "../../panels/rows";
import type { Overlay, Route, State } from "../../state/store";
import { t } from "../../words/en";
import { figure, ms } from "../../words/figures";

/** Which side of a plan the map shows. */
export type Look = keyof typeof t.plan.looks;

/** More ways at once are a tangle. */
export const MOST_WAYS = 60;
const SAME = 5e-5;

/** What one gains, in a sentence. */
export function gain({ before, after }: Pick<PlanOut, "before" | "after">): string {
  const words: string[] = [];
  const points = (before.utilisation - after.utilisation) * 100;
  if (Math.abs(points) >= SAME * 100) words.push((points > 0 ? t.plan.less : t.plan.more)(figure(Math.abs(points))));
  const sooner = before.latency_ms - after.latency_ms;
  if (Math.abs(sooner) >= 0.005) words.push((sooner > 0 ? t.plan.sooner : t.plan.later)(ms(Math.abs(sooner))));
  if (words.length === 0) return t.plan.nothing;
  const [first = "", ...rest] = words;
  return t.plan.gains([first.charAt(0).toUpperCase() + first.slice(1), ...rest]);
}

export interface Refilled {
  link: string;
  before: number;
  after: number;
}

/** Links that fill and that empty, those that change most first. */
export function changes(links: readonly Pick<RefilledOut, "link" | "capacity_gbps" | "before_gbps" | "after_gbps">[]): { fuller: Refilled[]; emptier: Refilled[] } {
  const all = links
    .map(({ link, capacity_gbps: of, before_gbps, after_gbps }) => ({ link, before: before_gbps / of, after: after_gbps / of }))
    .sort((a, b) => Math.abs(b.after - b.before) - Math.abs(a.after - a.before) || (a.link < b.link ? -1 : 1));
  return {
    fuller: all.filter((one) => one.after > one.before + SAME),
    emptier: all.filter((one) => one.after < one.before - SAME),
  };
}

export interface Step {
  number: number;
  services: number;
  state: "done" | "now" | "next";
}

/** The steps of a plan, with how far each is. */
export function steps(moves: readonly MoveOut[], count: number, doing: DoingOut | null): Step[] {
  const at = doing === null ? 0 : count - doing.steps_left + (doing.moved < doing.services ? 1 : 0);
  return Array.from({ length: count }, (_, index) => {
    const number = index + 1;
    return {
      number,
      services: moves.filter((move) => move.step === number).length,
      state: doing === null ? "next" : number < at ? "done" : number === at ? "now" : "next",
    };
  });
}

/** What is the same plan to who said no to it, whatever it is called. */
export function signature(moves: readonly MoveOut[]): string {
  return moves
    .map(({ service, after }) => `${service} ${after.sites.join(" ")}`)
    .sort()
    .join("|");
}

/** What the map shows: dashed as it is, solid as it would be; only of one service where one is chosen. */
export function planOverlay(state: State, diff: PlanDiffOut, look: Look, service: string | null): Overlay {
  const alone = diff.moves.filter((move) => move.service === service);
  const shown = (alone.length > 0 ? alone : diff.moves).slice(0, MOST_WAYS);
  const none = new Set<string>();
  const route = (move: MoveOut, way: "was" | "becomes"): Route => {
    const { sites } = way === "was" ? move.before : move.after;
    return { service: move.service, way, sites, links: linksAlong(state, sites, none) };
  };
  return {
    said: t.plan.said(diff.moves.length),
    lost: none,
    loads: new Map(
      diff.links.map((one) => [one.link, (look === "before" ? one.before_gbps : one.after_gbps) / one.capacity_gbps]),
    ),
    routes:
      look === "both" || alone.length > 0
        ? [...shown.map((move) => route(move, "was")), ...shown.map((move) => route(move, "becomes"))]
        : [],
  };
}
