// What is free in the week ahead between two ends, as a strip of hours: the darker, the more.
import { ask } from "../../api/client";
import type { CapacityOut } from "../../api/schema";
import { Answer } from "../../parts/Answer";
import { useAsked } from "../../parts/asked";
import { Part } from "../../parts/Part";
import { t } from "../../words/en";
import { date, gbps } from "../../words/figures";
import type { Draft } from "./draft";

export function Free({ draft: { from, to }, tenant }: { draft: Draft; tenant: string }) {
  const asked = useAsked(`${tenant} ${from}>${to}`, (signal) => ask("GET /v1/capacity", { query: { from, to }, signal }));
  return (
    <Part title={t.order.heat}>
      <Answer of={asked}>{(capacity) => <Strip of={capacity} />}</Answer>
    </Part>
  );
}

const DAY = 24;

function Strip({ of: { hours, best } }: { of: CapacityOut }) {
  const most = Math.max(1e-9, ...hours.map((hour) => hour.free_gbps));
  const least = Math.min(...hours.map((hour) => hour.free_gbps));
  const rows = Math.ceil(hours.length / DAY);
  return (
    <>
      <svg class="heat" viewBox={`0 0 ${DAY * 10} ${rows * 10}`} role="img" aria-label={`${t.order.heat}: ${gbps(least)} – ${gbps(most)}`}>
        {hours.map((hour, at) => (
          <rect
            key={hour.start}
            x={(at % DAY) * 10 + 0.5}
            y={Math.floor(at / DAY) * 10 + 0.5}
            width={9}
            height={9}
            data-heat={Math.round((hour.free_gbps / most) * 6)}
          >
            <title>{t.order.hour(date(hour.start), gbps(hour.free_gbps))}</title>
          </rect>
        ))}
      </svg>
      {best !== null && <p class="nothing">{t.order.hour(`${date(best.start)} – ${date(best.end)}`, gbps(best.free_gbps))}</p>}
    </>
  );
}
