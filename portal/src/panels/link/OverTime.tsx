// What a link carried, both ways, from the telemetry store: of the last hour, day or month.
import { useMemo, useState } from "preact/hooks";
import { ask } from "../../api/client";
import type { TrackOut, TracksOut } from "../../api/schema";
import { usePage } from "../../page";
import { Answer } from "../../parts/Answer";
import { useAsked } from "../../parts/asked";
import { Chart, type Line } from "../../parts/Chart";
import { Choice } from "../../parts/Choice";
import { opposite } from "../../state/atlas";
import { now } from "../../state/clock";
import { t } from "../../words/en";
import { way, wayOf } from "../rows";

export const SPANS = { hour: 3600, day: 86_400, month: 30 * 86_400 } as const;
type Span = keyof typeof SPANS;
/** A chart is not drawn anew more often than this. */
const EVERY_MS = 10_000;

export function OverTime({ id }: { id: string }) {
  const { store } = usePage();
  const [span, turn] = useState<Span>("hour");
  const link = store.atlas?.link.get(id);
  const back = link === undefined ? null : opposite(store.atlas, link);
  const ids = back === null ? [id] : [id, back.id];
  const asked = useAsked(
    `${span} ${ids.join(" ")}`,
    (signal) =>
      Promise.all(
        ids.map((one) =>
          ask("GET /v1/telemetry/links/{link}", {
            path: { link: one },
            query: { from: new Date(now(store) - SPANS[span] * 1000).toISOString(), series: ["carried_gbps"] },
            signal,
          }),
        ),
      ),
    EVERY_MS,
  );
  return (
    <>
      <Choice name={t.link.time} of={t.spans} chosen={span} choose={turn} />
      {link !== undefined && <p class="nothing">{t.link.chartUnit(way(store, link))}</p>}
      <Answer of={asked}>
        {(tracks) =>
          tracks.map((one, at) => (
            <Track key={ids[at]} name={wayOf(store, ids[at] ?? id)} tracks={one} capacity={link?.capacity_gbps} />
          ))
        }
      </Answer>
    </>
  );
}

function Track({ name, tracks, capacity }: { name: string; tracks: TracksOut; capacity: number | undefined }) {
  const { times_s, lines } = useMemo(() => series(tracks), [tracks]);
  if (lines.length === 0) return <p class="nothing">{t.link.noHistory}</p>;
  return (
    <section class="part">
      <h3>{name}</h3>
      <Chart said={t.link.chart(name)} times_s={times_s} lines={lines} unit="Gbit/s" most={capacity} />
    </section>
  );
}

/** The mean as a line and the most as another: nothing between two steps is averaged away. */
export function series(tracks: TracksOut): { times_s: number[]; lines: Line[] } {
  const track: TrackOut | undefined = tracks.tracks.find((one) => one.series === "carried_gbps");
  if (track === undefined) return { times_s: [], lines: [] };
  const begin_s = Date.parse(tracks.from) / 1000;
  return {
    times_s: track.points.map((_, at) => begin_s + at * tracks.step_s),
    lines: [
      { name: t.link.carried, colour: "--accent", values: track.points.map((point) => point?.mean ?? null), fill: true },
      { name: t.link.most, colour: "--muted", values: track.points.map((point) => point?.max ?? null) },
    ],
  };
}
