// A service's proof: promised against measured, by the minute, where it was not measured said so; and the signed chain of it.
import { useMemo, useState } from "preact/hooks";
import { ask } from "../../api/client";
import type { TracksOut } from "../../api/schema";
import { useStore } from "../../page";
import { Answer } from "../../parts/Answer";
import { useAsked } from "../../parts/asked";
import { Chart } from "../../parts/Chart";
import { Choice } from "../../parts/Choice";
import { Part } from "../../parts/Part";
import { now } from "../../state/clock";
import { t } from "../../words/en";
import { bytes, date, exactPercent, ms } from "../../words/figures";
import { SPANS } from "../link/OverTime";
import { gapsOf, proof, type Cell, type Proven, type Verdict } from "./proven";
import { Sealed } from "./Sealed";

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
type Span = keyof typeof SPANS;
/** An hour by the minute; a day by the quarter of an hour, a month by half days. */
const STEPS_S: Record<Span, number> = { hour: 60, day: 900, month: 43_200 };

export function Proof({ id }: { id: string }) {
  const store = useStore();
  const [span, turn] = useState<Span>("hour");
  const asked = useAsked(
    `${span} ${id}`,
    (signal) =>
      ask("GET /v1/telemetry/services/{service_id}", {
        path: { service_id: id },
        query: { from: new Date(now(store) - SPANS[span] * 1000).toISOString(), step_s: STEPS_S[span], series: SERIES },
        signal,
      }),
    EVERY_MS,
  );
  return (
    <>
      <Choice name={t.service.proof} of={t.spans} chosen={span} choose={turn} />
      <Answer of={asked} room="proof">{(tracks) => <Measured of={tracks} id={id} />}</Answer>
      <Sealed id={id} />
    </>
  );
}

function Measured({ of: tracks, id }: { of: TracksOut; id: string }) {
  const store = useStore();
  const found = useMemo(() => proof(tracks), [tracks]);
  const service = store.services.get(id);
  if (found.times_s.length === 0) return <p class="nothing">{t.service.noHistory}</p>;
  const bound = found.latency.promised ?? service?.latency_bound_ms ?? null;
  const latency: Verdict = {
    ...found.latency,
    promised: bound,
    kept: bound === null || found.latency.measured === null ? "unknown" : found.latency.measured <= bound + 1e-6 ? "yes" : "no",
  };
  return (
    <>
      <Verdicts of={found} latency={latency} promised={service?.availability ?? null} />
      <Strip of={found.cells} step_s={found.step_s} begin_s={found.times_s[0] ?? 0} steps={found.times_s.length} />
      <Series title={t.service.carriedChart} of={found} lines={found.rates} unit="Gbit/s" />
      <Series title={t.service.latencyChart} of={found} lines={found.latencies} unit="ms" />
      <Series title={t.prove.lossChart} of={found} lines={found.losses} unit="kB" />
    </>
  );
}

function Verdicts({ of: found, latency, promised }: { of: Proven; latency: Verdict; promised: number | null }) {
  const { sums } = found;
  const up = sums.watched_ms > 0 ? 1 - sums.dark_ms / sums.watched_ms : null;
  const kept = up === null || promised === null ? "unknown" : up >= promised ? "yes" : "no";
  const most = latency.measured === null ? t.prove.unknown : ms(latency.measured);
  return (
    <dl class="verdicts">
      <Line
        name={t.prove.latency}
        kept={latency.kept}
        words={latency.promised === null ? t.prove.noBound(most) : t.prove.bound(ms(latency.promised), most)}
        said={latency.promised !== null}
      />
      <Line
        name={t.prove.availability}
        kept={kept}
        words={up === null ? t.prove.unknown : t.prove.up(exactPercent(up), ms(sums.dark_ms))}
        said={promised !== null}
      />
      <Line name={t.prove.loss} kept="unknown" words={bytes(sums.lost_bytes)} said={false} />
    </dl>
  );
}

const KEPT = { yes: t.prove.kept, no: t.prove.broken, unknown: t.prove.unknown };

function Line({ name, kept, words, said }: { name: string; kept: Verdict["kept"]; words: string; said: boolean }) {
  return (
    <div class="verdict" data-verdict={name} data-kept={kept}>
      <dt>{name}</dt>
      <dd>{words}</dd>
      {said && <dd class="kept">{KEPT[kept]}</dd>}
    </div>
  );
}

/** A cell a step: full where it was up, high where it was dark, empty where nobody watched. */
interface Stripped {
  of: readonly Cell[];
  step_s: number;
  /** When the strip begins, and how many steps it has: what was before the first cell is left empty. */
  begin_s: number;
  steps: number;
}

function Strip({ of: cells, step_s, begin_s, steps }: Stripped) {
  if (cells.length === 0) return null;
  const number = (what: Cell["what"]): number => cells.filter((one) => one.what === what).length;
  const words = (one: Cell): string =>
    t.prove.cell(date(one.at_s * 1000), one.what === "up" ? t.prove.cellUp : one.what === "dark" ? t.prove.cellDark(ms(one.dark_ms)) : t.prove.gap);
  return (
    <Part title={step_s === 60 ? t.prove.strip : t.prove.stripOf(stepWords(step_s))}>
      <svg
        class="strip"
        viewBox={`0 0 ${String(steps)} 26`}
        preserveAspectRatio="none"
        role="img"
        aria-label={t.prove.stripSaid(number("up"), number("dark"), number("gap"))}
      >
        {cells.map((one) => (
          <rect
            key={one.at_s}
            data-cell={one.what}
            x={(one.at_s - begin_s) / step_s + 0.1}
            width={0.8}
            y={one.what === "dark" ? 0 : 8}
            height={one.what === "dark" ? 26 : one.what === "gap" ? 10 : 18}
          >
            <title>{words(one)}</title>
          </rect>
        ))}
      </svg>
      <p class="strip-key">
        {(["up", "dark", "gap"] as const).map((what) => (
          <span key={what}>
            <svg viewBox="0 0 9 11" aria-hidden="true">
              <rect data-cell={what} x={0.5} y={0.5} width={8} height={10} />
            </svg>
            {what === "up" ? t.prove.cellUp : what === "dark" ? t.service.darkFor.toLowerCase() : t.prove.gap} {number(what)}
          </span>
        ))}
      </p>
    </Part>
  );
}

function stepWords(step_s: number): string {
  if (step_s % 3600 === 0) return step_s === 3600 ? t.prove.steps.hour : `${String(step_s / 3600)} h`;
  return step_s % 60 === 0 ? `${String(step_s / 60)} min` : t.prove.steps.step(step_s);
}

function Series({ title, of: found, lines, unit }: { title: string; of: Proven; lines: Proven["rates"]; unit: string }) {
  const gaps = useMemo(
    () => gapsOf(found.times_s, lines.filter((line) => line.name !== t.service.promised).map((line) => line.values)),
    [found, lines],
  );
  if (lines.length === 0) return null;
  return (
    <section class="part">
      <h3>{title}</h3>
      <Chart said={title} times_s={found.times_s} lines={lines} unit={unit} gaps={gaps} />
      {gaps.length > 0 && <p class="said" data-gaps={gaps.length}>{t.prove.hatched}</p>}
    </section>
  );
}
