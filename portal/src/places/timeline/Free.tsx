// What a tenant is told of the capacity at a moment: what is free between its own sites, in the steps in which it is sold.
import { useState } from "preact/hooks";
import { all, ask } from "../../api/client";
import { useStore } from "../../page";
import { Answer } from "../../parts/Answer";
import { useAsked } from "../../parts/asked";
import { Part } from "../../parts/Part";
import { siteName } from "../../state/store";
import { t } from "../../words/en";
import { gbps } from "../../words/figures";

const HOUR_MS = 3_600_000;

export function Free() {
  const asked = useAsked("ports", () => all("GET /v1/ports"));
  return (
    <Part title={t.timeline.free}>
      <Answer of={asked}>{(ports) => <Between sites={[...new Set(ports.map((port) => port.site))].sort()} />}</Answer>
    </Part>
  );
}

function Between({ sites }: { sites: readonly string[] }) {
  const store = useStore();
  const [from, setFrom] = useState(sites[0] ?? "");
  const [to, setTo] = useState(sites[1] ?? "");
  if (sites.length < 2) return <p class="nothing">{t.timeline.onePort}</p>;
  const side = (label: string, value: string, set: (site: string) => void, other: string) => (
    <label class="field">
      {label}
      <select value={value} onChange={(event) => set(event.currentTarget.value)}>
        {sites
          .filter((site) => site !== other)
          .map((site) => (
            <option key={site} value={site}>
              {siteName(store, site)}
            </option>
          ))}
      </select>
    </label>
  );
  return (
    <div class="form">
      {side(t.timeline.from, from, setFrom, to)}
      {side(t.timeline.to, to, setTo, from)}
      <Then from={from} to={to} />
    </div>
  );
}

/** Asked once an hour of it: while time plays, and is dragged, it waits. */
function Then({ from, to }: { from: string; to: string }) {
  const { address, now_ms } = useStore();
  const chosen_ms = address.at === null || address.play !== null ? now_ms : Date.parse(address.at);
  const hour_ms = Math.floor(Math.max(now_ms, chosen_ms) / HOUR_MS) * HOUR_MS;
  const start = new Date(hour_ms).toISOString();
  const asked = useAsked(`${from} ${to} ${start}`, (signal) => ask("GET /v1/capacity", { query: { from, to, start, hours: 1 }, signal }));
  return (
    <Answer of={asked}>
      {({ hours: [hour], step_gbps }) => (
        <p class="gain" data-free>
          {t.timeline.freeIs(hour === undefined || hour.free_gbps === 0 ? t.timeline.noFree : gbps(hour.free_gbps), gbps(step_gbps))}
        </p>
      )}
    </Answer>
  );
}
