// What failed and what was drained, on a line of time, and a moment on it that the whole map can be set to.
import { useStore } from "../../page";
import { go, pick } from "../../state/go";
import { fibreName } from "../../state/naming";
import { titleOf } from "../../panels/incident/Now";
import type { Selection } from "../../state/address";
import type { State } from "../../state/store";
import { t } from "../../words/en";
import { date } from "../../words/figures";

export interface Stretch {
  key: string;
  title: string;
  kind: "incident" | "maintenance";
  begin_ms: number;
  end_ms: number | null;
  to: Selection | null;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const MINUTE_MS = 60_000;

/** Incidents and drains as stretches of time, the newest first. */
export function stretches(state: State): Stretch[] {
  const failed = state.incidents.map((one): Stretch => ({
    key: one.id,
    title: titleOf(state, one),
    kind: "incident",
    begin_ms: Date.parse(one.opened),
    end_ms: one.closed === null ? null : Date.parse(one.closed),
    to: { kind: "incident", id: one.id },
  }));
  const drained = state.maintenances.map((one): Stretch => ({
    key: one.id,
    title: one.fibres.map((fibre) => fibreName(state, fibre)).join(", ") || one.target,
    kind: "maintenance",
    begin_ms: Date.parse(one.start ?? one.started),
    end_ms: one.ended === null ? (one.end === null ? null : Date.parse(one.end)) : Date.parse(one.ended),
    to: one.fibres[0] === undefined ? null : { kind: "fibre", id: one.fibres[0] },
  }));
  return [...failed, ...drained].sort((a, b) => b.begin_ms - a.begin_ms || (a.key < b.key ? -1 : 1));
}

/** From a day ago to a day ahead; further back where one looks at something older. */
export function range(now_ms: number, all: readonly Stretch[], at_ms: number | null): [number, number] {
  const oldest = Math.min(now_ms - DAY_MS, at_ms ?? now_ms, ...all.slice(0, 50).map((one) => one.begin_ms));
  return [Math.floor(oldest / HOUR_MS) * HOUR_MS, Math.ceil((now_ms + DAY_MS) / HOUR_MS) * HOUR_MS];
}

export function TimeLine() {
  const store = useStore();
  const all = stretches(store);
  const now_ms = store.sample === null ? Date.now() : Date.parse(store.sample.at);
  const at_ms = store.address.at === null ? null : Date.parse(store.address.at);
  const [from, to] = range(now_ms, all, at_ms);
  const set = (ms: number): void => go(store, { at: new Date(ms).toISOString() });
  const shown = at_ms ?? now_ms;
  return (
    <div class="place">
      <p class="lead">{t.timeline.intro}</p>
      <svg class="lane" viewBox="0 0 300 40" preserveAspectRatio="none" aria-hidden="true">
        {all.map((one) => {
          const x = (at: number): number => ((at - from) / (to - from)) * 300;
          const [begin, end] = [Math.max(0, x(one.begin_ms)), Math.min(300, x(one.end_ms ?? Math.max(now_ms, one.begin_ms)))];
          const y = one.kind === "incident" ? 6 : 22;
          return <rect key={one.key} data-kind={one.kind} x={begin} y={y} width={Math.max(1.5, end - begin)} height={11} rx={1.5} />;
        })}
        <path class="lane-now" d={`M${(((now_ms - from) / (to - from)) * 300).toFixed(1)},0V40`} />
      </svg>
      <label class="scrub">
        <span class="unseen">{t.timeline.slider}</span>
        <input
          type="range"
          min={from}
          max={to}
          step={MINUTE_MS}
          value={shown}
          aria-valuetext={date(shown)}
          onChange={(event) => set(Number(event.currentTarget.value))}
        />
      </label>
      <p class="scrub-ends">
        <span>{date(from)}</span>
        <span>{date(to)}</span>
      </p>
      <div class="deeds" role="status">
        <span>{at_ms === null ? t.timeline.now : t.timeline.at(date(at_ms), store.moment !== null && store.moment.carried.size > 0)}</span>
        {at_ms !== null && (
          <button class="second" type="button" onClick={() => go(store, { at: null })}>
            {t.timeline.now}
          </button>
        )}
      </div>
      {all.length === 0 && <p class="nothing">{t.timeline.none}</p>}
      <ul class="rows">
        {all.slice(0, 100).map((one) => (
          <li key={one.key}>
            <button
              class="row"
              type="button"
              onClick={() => {
                set(one.begin_ms + 1000);
                if (one.to !== null) pick(store, one.to);
              }}
            >
              <span class="dot" data-state={one.kind === "incident" ? (one.end_ms === null ? "down" : "closed") : "drained"} aria-hidden="true" />
              <span class="row-title">{one.title}</span>
              <span class="row-sub">
                {date(one.begin_ms)} – {one.end_ms === null ? t.timeline.open : date(one.end_ms)}
              </span>
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}
