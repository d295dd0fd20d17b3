// What is free in the week ahead between two ends, an hour a cell: the fuller its colour, the more; hollow is less than one
// asks for. An hour is chosen with the mouse or the arrows, and becomes the order's window.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { ask } from "../../api/client";
import type { CapacityOut, OrderIn, PortOut } from "../../api/schema";
import { Answer } from "../../parts/Answer";
import { useAsked } from "../../parts/asked";
import { Part } from "../../parts/Part";
import { t } from "../../words/en";
import { dayOf, gbps, hourOf, span } from "../../words/figures";
import { days, move, type Cell } from "./heat";
import { PAUSE_MS } from "./preview";
import { portAt } from "./rights";

interface Props {
  order: OrderIn;
  tenant: string;
  /** Ports that are known: the tenant's own at its ends have a room, also where an operator asks. */
  ports: readonly PortOut[];
  choose: (start: string, end: string) => void;
}

export function Free({ order, tenant, ports, choose }: Props) {
  const at = (end: OrderIn["from"]): string => portAt(ports, tenant, typeof end === "string" ? end : end.at);
  const query = {
    from: at(order.from),
    to: at(order.to),
    ...(typeof order.latency_bound_ms === "number" && order.latency_bound_ms > 0 ? { latency_bound_ms: order.latency_bound_ms } : {}),
    ...(order.fence == null ? {} : { fence: order.fence }),
    ...(order.protection === undefined ? {} : { protection: order.protection }),
    ...(typeof order.max_paths === "number" && order.max_paths > 0 ? { max_paths: order.max_paths } : {}),
  };
  const key = JSON.stringify(query);
  // The week is asked about when one has stopped writing: it is more work than an order.
  const [settled, settle] = useState(key);
  useEffect(() => {
    const timer = setTimeout(() => settle(key), 2 * PAUSE_MS);
    return () => clearTimeout(timer);
  }, [key]);
  const asked = useAsked(`${tenant} ${settled}`, (signal) =>
    ask("GET /v1/capacity", { query: JSON.parse(settled) as typeof query, signal }),
  );
  return (
    <Part title={t.order.heat}>
      <div class="heat-room">
        <Answer of={asked}>{(capacity) => <Week of={capacity} asked_gbps={order.bandwidth_gbps ?? 0} choose={choose} />}</Answer>
      </div>
    </Part>
  );
}

function Week({ of: { hours, best, step_gbps }, asked_gbps, choose }: { of: CapacityOut; asked_gbps: number; choose: Props["choose"] }) {
  const wanted = Number.isFinite(asked_gbps) ? asked_gbps : 0;
  const week = useMemo(() => days(hours, wanted), [hours, wanted]);
  const grid = useRef<HTMLTableElement>(null);
  const [seen, see] = useState<Cell | null>(null);
  const [[row, column], stand] = useState<[number, number]>([0, Math.max(0, week[0]?.cells.findIndex((cell) => cell !== null) ?? 0)]);
  const begun = useRef<Cell | null>(null);
  const press = (event: KeyboardEvent): void => {
    const next = move(week, [row, column], event.key);
    if (next[0] === row && next[1] === column) return;
    event.preventDefault();
    stand(next);
    grid.current?.querySelector<HTMLElement>(`[data-cell="${next.join(" ")}"]`)?.focus();
  };
  const take = (cell: Cell, more: boolean): void => {
    const first = more ? (begun.current ?? cell) : cell;
    if (!more) begun.current = cell;
    const [from, to] = first.start <= cell.start ? [first, cell] : [cell, first];
    choose(from.start, to.end);
  };
  const least = Math.min(...hours.map((hour) => hour.free_gbps));
  const most = Math.max(...hours.map((hour) => hour.free_gbps));
  return (
    <>
      <table class="heat" role="grid" aria-label={t.order.heatSaid(gbps(least), gbps(most))} ref={grid} onKeyDown={press}>
        <thead>
          <tr>
            <td />
            {Array.from({ length: 24 }, (_, hour) => (
              <th key={hour} scope="col">
                <span aria-hidden="true">{hour % 6 === 0 ? String(hour).padStart(2, "0") : ""}</span>
                <span class="unseen">{t.order.oClock(hour)}</span>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {week.map((day, r) => (
            <tr key={day.at}>
              <th scope="row">{dayOf(day.at)}</th>
              {day.cells.map((cell, c) => (
                <td key={c}>
                  {cell !== null && (
                    <button
                      type="button"
                      data-cell={`${String(r)} ${String(c)}`}
                      data-heat={cell.level}
                      data-enough={cell.enough}
                      tabIndex={r === row && c === column ? 0 : -1}
                      aria-label={t.order.hour(hourOf(cell.start, cell.end), gbps(cell.free_gbps), cell.enough)}
                      onFocus={() => {
                        see(cell);
                        stand([r, c]);
                      }}
                      onPointerEnter={() => see(cell)}
                      onClick={(event) => take(cell, event.shiftKey)}
                    />
                  )}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      <p class="heat-read">
        {seen === null ? t.order.heatHint(step_gbps >= 1 ? gbps(step_gbps) : null) : t.order.hour(hourOf(seen.start, seen.end), gbps(seen.free_gbps), seen.enough)}
      </p>
      {best !== null && (
        <p class="heat-best">
          <span>{t.order.best(gbps(best.free_gbps), span(best.start, best.end))}</span>
          <button class="link" type="button" onClick={() => choose(best.start, best.end)}>
            {t.order.useIt}
          </button>
        </p>
      )}
    </>
  );
}
