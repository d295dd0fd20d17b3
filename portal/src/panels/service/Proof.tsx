// What was promised of a service against what was measured of it, over the last hour, day or month.
import { useMemo, useState } from "preact/hooks";
import { ask } from "../../api/client";
import type { TracksOut } from "../../api/schema";
import { Answer } from "../../parts/Answer";
import { useAsked } from "../../parts/asked";
import { Chart, type Line } from "../../parts/Chart";
import { Choice } from "../../parts/Choice";
import { Facts } from "../../parts/Facts";
import { t } from "../../words/en";
import { bytes, exactPercent, ms } from "../../words/figures";
import { SPANS } from "../link/OverTime";

const SERIES = [
  "carried_there_gbps",
  "carried_back_gbps",
  "promised_gbps",
  "latency_there_ms",
  "latency_back_ms",
  "promised_ms",
  "lost_bytes",
  "dark_ms",
  "watched_ms",
];
const EVERY_MS = 10_000;

export function Proof({ id }: { id: string }) {
  const [span, turn] = useState<keyof typeof SPANS>("hour");
  const asked = useAsked(
    `${span} ${id}`,
    (signal) =>
      ask("GET /v1/telemetry/services/{service_id}", {
        path: { service_id: id },
        query: { from: new Date(Date.now() - SPANS[span] * 1000).toISOString(), series: SERIES },
        signal,
      }),
    EVERY_MS,
  );
  return (
    <>
      <Choice name={t.service.proof} of={t.spans} chosen={span} choose={turn} />
      <Answer of={asked}>{(tracks) => <Measured of={tracks} />}</Answer>
    </>
  );
}

function Measured({ of: tracks }: { of: TracksOut }) {
  const { times_s, rates, latencies, sums } = useMemo(() => proof(tracks), [tracks]);
  if (times_s.length === 0) return <p class="nothing">{t.service.noHistory}</p>;
  return (
    <>
      <Facts
        of={[
          [t.service.up, sums.watched_ms > 0 ? exactPercent(1 - sums.dark_ms / sums.watched_ms) : null],
          [t.service.darkFor, ms(sums.dark_ms)],
          [t.service.lost, bytes(sums.lost_bytes)],
        ]}
      />
      <h3>{t.service.carriedChart}</h3>
      <Chart said={t.service.carriedChart} times_s={times_s} lines={rates} unit="Gbit/s" />
      <h3>{t.service.latencyChart}</h3>
      <Chart said={t.service.latencyChart} times_s={times_s} lines={latencies} unit="ms" />
    </>
  );
}

/** Lines of what was promised beside what was measured, and sums over all of the time. */
export function proof(tracks: TracksOut) {
  const of = (name: string) => tracks.tracks.find((one) => one.series === name)?.points ?? [];
  const line = (name: string, colour: string, series: string): Line => ({
    name,
    colour,
    values: of(series).map((point) => point?.mean ?? null),
  });
  const sum = (name: string): number => of(name).reduce((all, point) => all + (point === null ? 0 : point.mean * point.count), 0);
  const steps = Math.max(0, ...tracks.tracks.map((track) => track.points.length));
  const begin_s = Date.parse(tracks.from) / 1000;
  return {
    times_s: Array.from({ length: steps }, (_, at) => begin_s + at * tracks.step_s),
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
    sums: { dark_ms: sum("dark_ms"), watched_ms: sum("watched_ms"), lost_bytes: sum("lost_bytes") },
  };
}
