// What is booked of a link in the week ahead, step by step, and who holds it.
import { useMemo } from "preact/hooks";
import { ask } from "../../api/client";
import type { LinkCalendarOut } from "../../api/schema";
import { useStore } from "../../page";
import { Answer } from "../../parts/Answer";
import { useAsked } from "../../parts/asked";
import { Chart, type Line } from "../../parts/Chart";
import { Items } from "../../parts/Items";
import { t, USES } from "../../words/en";
import { date, gbps, period } from "../../words/figures";
import { serviceItemOf } from "../rows";

export function Ahead({ id }: { id: string }) {
  const asked = useAsked(id, (signal) => ask("GET /v1/links/{link}/calendar", { path: { link: id }, signal }));
  return <Answer of={asked}>{(calendar) => <Calendar of={calendar} />}</Answer>;
}

function Calendar({ of: calendar }: { of: LinkCalendarOut }) {
  const store = useStore();
  const { times_s, lines } = useMemo(() => booked(calendar), [calendar]);
  return (
    <>
      <Chart said={t.link.calendar} times_s={times_s} lines={lines} unit="Gbit/s" steps most={calendar.capacity_gbps} />
      {calendar.closed.length > 0 && (
        <Items
          title={t.link.closed}
          empty={t.panel.none}
          of={calendar.closed.map((one) => ({ title: one.target, note: period(one.start, one.end), state: "drained" }))}
        />
      )}
      <Items
        tall
        title={t.link.holders}
        empty={t.link.noHolders}
        of={calendar.holders.map((one) =>
          serviceItemOf(
            store,
            one.service,
            [gbps(one.rate_gbps), USES[one.use] ?? one.use, one.start === null ? null : date(one.start)]
              .filter((part) => part !== null)
              .join(" · "),
          ),
        )}
      />
    </>
  );
}

/** What is claimed, and on top of it what is kept for backups; the last step again, to draw it to its end. */
export function booked(calendar: LinkCalendarOut): { times_s: number[]; lines: Line[] } {
  const steps = calendar.steps;
  const last = steps.at(-1);
  const at = (of: (step: LinkCalendarOut["steps"][number]) => number): number[] => [
    ...steps.map(of),
    ...(last === undefined ? [] : [of(last)]),
  ];
  return {
    times_s: [
      ...steps.map((step) => Date.parse(step.start) / 1000),
      ...(last === undefined ? [] : [Date.parse(last.end) / 1000]),
    ],
    lines: [
      { name: t.link.reserve, colour: "--muted", values: at((step) => step.claimed_gbps + step.reserve_gbps), fill: true },
      { name: t.link.claimed, colour: "--accent", values: at((step) => step.claimed_gbps), fill: true },
    ],
  };
}
