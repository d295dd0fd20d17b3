// The line of time over the whole page: what failed and what is drained, what is booked, and a moment on it that everything is
// set to, which plays on if one wants.
import { useEffect } from "preact/hooks";
import { usePage } from "../page";
import { Icon } from "../parts/Icon";
import { SPEEDS, type Speed } from "../state/address";
import { SPEED } from "../state/moment";
import { range, stretches } from "../state/span";
import { turnsOf } from "../state/turns";
import { t } from "../words/en";
import { date } from "../words/figures";

const MINUTE_MS = 60_000;
const WIDE = 1000;
/** Bookings that are marked on the line. */
const MARKS = 400;
/** What keeps its own keys. */
const OWN_KEYS = "input, textarea, select, button, a, summary, [role=tab], [role=option], [contenteditable]";

/** Whether the line of time is over the page. */
export function timed({ at, place }: { at: string | null; place: string | null }): boolean {
  return at !== null || place === "timeline";
}

export function Scrubber() {
  const { store, time } = usePage();
  const { at_ms, now_ms, ahead, address } = store;
  const all = stretches(store);
  const [from, to] = range(now_ms, all, at_ms);
  const shown = at_ms ?? now_ms;
  const playing = address.at !== null && address.play !== null;
  const speed = address.play ?? SPEED;
  const toggle = (): void => (playing ? time.pause() : time.play(speed));
  useEffect(() => {
    const key = (event: KeyboardEvent): void => {
      if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey) return;
      const target = event.target instanceof Element ? event.target : null;
      const slider = target?.matches(".scrubber input") === true;
      if (!slider && target?.closest(OWN_KEYS) != null) return;
      const by = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
      if (event.key === " ") {
        if (store.address.play !== null) time.pause();
        else time.play();
      } else if (by !== 0) time.seek((store.at_ms ?? store.now_ms) + by * (event.shiftKey ? 10 : 1) * MINUTE_MS);
      else return;
      event.preventDefault();
    };
    window.addEventListener("keydown", key);
    return () => window.removeEventListener("keydown", key);
  }, []);
  const x = (ms: number): number => Math.min(WIDE, Math.max(0, ((ms - from) / (to - from)) * WIDE));
  return (
    <section class="scrubber" aria-label={t.timeline.title} data-shown={at_ms === null ? "now" : ahead ? "booked" : "measured"}>
      <button class="icon play" type="button" aria-label={playing ? t.timeline.pause : t.timeline.play} title={t.timeline.keys} onClick={toggle}>
        <Icon path={playing ? "M5.5 3.5v9M10.5 3.5v9" : "M5 3l7.5 5L5 13z"} />
      </button>
      <div class="scrub">
        <svg class="lane" viewBox={`0 0 ${String(WIDE)} 30`} preserveAspectRatio="none" aria-hidden="true">
          <rect class="lane-ahead" x={x(now_ms)} y={0} width={WIDE - x(now_ms)} height={30} />
          {all.map((one) => {
            const begin = x(one.begin_ms);
            const end = x(one.end_ms ?? Math.max(now_ms, one.begin_ms));
            return <rect key={one.key} data-kind={one.kind} x={begin} y={one.kind === "incident" ? 3 : 12} width={Math.max(2.5, end - begin)} height={7} />;
          })}
          <Bookings x={x} now_ms={now_ms} to={to} />
          <path class="lane-now" d={`M${x(now_ms).toFixed(1)},0V30`} />
        </svg>
        <input
          type="range"
          min={from}
          max={to}
          step={MINUTE_MS}
          value={shown}
          data-at={shown}
          aria-label={t.timeline.slider}
          aria-valuetext={date(shown)}
          onInput={(event) => time.glance(Number(event.currentTarget.value))}
          onChange={(event) => time.seek(Number(event.currentTarget.value))}
        />
        <p class="scrub-ends">
          <span>{date(from)}</span>
          <span class="scrub-at" data-moment>
            {at_ms === null ? t.timeline.now : date(shown)}
          </span>
          <span>{date(to)}</span>
        </p>
      </div>
      <select aria-label={t.timeline.speed} value={String(speed)} onChange={(event) => changed(event.currentTarget.value)}>
        {SPEEDS.map((one) => (
          <option key={one} value={String(one)}>
            {t.timeline.speeds[String(one)]}
          </option>
        ))}
      </select>
      <button class="second" type="button" disabled={at_ms === null} onClick={() => time.now()}>
        {t.timeline.now}
      </button>
      <p class="scrub-said" role="status">
        {said()}
      </p>
    </section>
  );

  function changed(value: string): void {
    const chosen = SPEEDS.find((one): one is Speed => String(one) === value);
    if (chosen !== undefined) time.play(chosen);
  }

  function said(): string {
    if (at_ms === null) return t.timeline.live;
    if (store.waiting) return t.timeline.reading;
    const known = store.moment !== null && store.moment.gbps.size > 0;
    if (ahead) return store.operator ? t.timeline.ahead(known && store.moment?.kind === "booked") : t.timeline.aheadOwn;
    return store.operator ? t.timeline.past(known && store.moment?.kind === "measured") : t.timeline.pastOwn;
  }
}

/** When services begin that are booked. */
function Bookings({ x, now_ms, to }: { x: (ms: number) => number; now_ms: number; to: number }) {
  const { store } = usePage();
  const { begins } = turnsOf(store.services, now_ms);
  const marks = begins.slice(0, MARKS).filter((one) => one.at_ms <= to);
  return <path class="lane-turns" d={marks.map((one) => `M${x(one.at_ms).toFixed(1)},21v7`).join("")} />;
}
