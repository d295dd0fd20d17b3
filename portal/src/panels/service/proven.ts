// What was promised of a service against what was measured, worked out step by step: lines, sums, verdicts, and the steps in
// which nobody measured, which are never filled.
import type { TracksOut } from "../../api/schema";
import type { Line } from "../../parts/Chart";
import { t } from "../../words/en";

/** A step of the strip: it was up all along, dark for some of it, or nobody watched. */
export interface Cell {
  at_s: number;
  what: "up" | "dark" | "gap";
  dark_ms: number;
}

export interface Verdict {
  promised: number | null;
  measured: number | null;
  kept: "yes" | "no" | "unknown";
}

export interface Proven {
  times_s: number[];
  step_s: number;
  rates: Line[];
  latencies: Line[];
  losses: Line[];
  cells: Cell[];
  latency: Verdict;
  sums: { dark_ms: number; watched_ms: number; lost_bytes: number };
}

/** Lines of what was promised beside what was measured, and sums over all of the time. */
export function proof(tracks: TracksOut): Proven {
  const of = (name: string) => tracks.tracks.find((one) => one.series === name)?.points ?? [];
  const line = (name: string, colour: string, series: string): Line => ({
    name,
    colour,
    values: of(series).map((point) => point?.mean ?? null),
  });
  const whole = (name: string): (number | null)[] => of(name).map((point) => (point === null ? null : point.mean * point.count));
  const sum = (name: string): number => whole(name).reduce<number>((all, one) => all + (one ?? 0), 0);
  const count = Math.max(0, ...tracks.tracks.map((track) => track.points.length));
  const begin_s = Date.parse(tracks.from) / 1000;
  const times_s = Array.from({ length: count }, (_, at) => begin_s + at * tracks.step_s);
  const [watched, dark, lost] = [whole("watched_ms"), whole("dark_ms"), whole("lost_bytes")];
  const first = watched.findIndex((one) => (one ?? 0) > 0);
  const cells = times_s.flatMap((at_s, at): Cell[] => {
    // Before it was first watched there was no service to watch.
    if (first < 0 || at < first) return [];
    const dark_ms = dark[at] ?? 0;
    return [{ at_s, dark_ms, what: (watched[at] ?? 0) <= 0 ? "gap" : dark_ms > 0 ? "dark" : "up" }];
  });
  return {
    times_s,
    step_s: tracks.step_s,
    rates: [
      line(t.service.there, "--accent", "carried_there_gbps"),
      line(t.service.back, "--back", "carried_back_gbps"),
      line(t.service.promised, "--warn", "promised_gbps"),
    ].filter(({ values }) => values.length > 0),
    latencies: [
      line(t.service.there, "--accent", "latency_there_ms"),
      line(t.service.back, "--back", "latency_back_ms"),
      line(t.service.promised, "--warn", "promised_ms"),
    ].filter(({ values }) => values.some((value) => value !== null)),
    losses: lost.some((one) => one !== null)
      ? [{ name: t.prove.loss, colour: "--down", values: lost.map((one) => (one === null ? null : one / 1000)), fill: true }]
      : [],
    cells,
    latency: latencyKept(tracks),
    sums: { dark_ms: sum("dark_ms"), watched_ms: sum("watched_ms"), lost_bytes: sum("lost_bytes") },
  };
}

/** Whether light took at most what was promised, at its worst, both ways. */
function latencyKept(tracks: TracksOut): Verdict {
  const points = (series: string) => tracks.tracks.find((one) => one.series === series)?.points ?? [];
  const most = (series: string[], of: "max" | "last"): number | null => {
    const found = series.flatMap((one) => points(one).flatMap((point) => (point === null ? [] : [point[of]])));
    return found.length === 0 ? null : Math.max(...found);
  };
  const measured = most(["latency_there_ms", "latency_back_ms"], "max");
  const promised = most(["promised_ms"], "last");
  if (measured === null || promised === null) return { promised, measured, kept: "unknown" };
  return { promised, measured, kept: measured <= promised + 1e-6 ? "yes" : "no" };
}

/** Stretches without any value: from the last step that has one to the next that has. */
export function gapsOf(times_s: readonly number[], values: readonly (readonly (number | null)[])[]): [number, number][] {
  const has = times_s.map((_, at) => values.some((line) => (line[at] ?? null) !== null));
  const found: [number, number][] = [];
  const first = has.indexOf(true);
  for (let at = first + 1; first >= 0 && at < has.length; at += 1) {
    if (has[at] === true) continue;
    let end = at;
    while (end < has.length && has[end] !== true) end += 1;
    const until = times_s[Math.min(end, times_s.length - 1)];
    found.push([times_s[at - 1] ?? 0, until ?? 0]);
    at = end;
  }
  return found;
}
