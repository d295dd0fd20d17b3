// What the colours, widths and shapes mean, with numbers; and the reach of the network in words, beside its rings.
import { Glyph } from "../parts/Glyph";
import { LOOKS } from "../map/paint";
import { STEPS } from "../map/ramp";
import { usePage } from "../page";
import { fibreName } from "../state/naming";
import type { Overlay } from "../state/store";
import { kindTitle, t } from "../words/en";
import { exactPercent, people, scaled, takenOn } from "../words/figures";

const WIDE = 26;
const ORDER = ["campus", "cloud", "edge", "enterprise", "pop"];

export function Legend() {
  const { store } = usePage();
  const present = new Set(store.atlas?.network.sites.map((site) => site.kind) ?? []);
  const { sample, overlay } = store;
  const preview = overlay?.preview === undefined ? null : overlay;
  return (
    <details class="legend" open={window.innerWidth >= 900}>
      <summary>{preview === null ? t.legend.title : `${t.legend.title}: ${t.legend.preview}`}</summary>
      {preview !== null && <Preview of={preview} />}
      <ul class="legend-kinds">
        {ORDER.filter((kind) => present.has(kind)).map((kind) => (
          <li key={kind} data-kind={kind}>
            <Glyph kind={kind} />
            {kindTitle(kind)}
          </li>
        ))}
      </ul>
      {store.operator && (
        <div class="legend-roads">
          <Ramp ahead={store.ahead} />
          <States ahead={store.ahead} />
        </div>
      )}
      <p class="legend-taken" data-taken>
        {sample === null ? "…" : store.ahead ? t.legend.notMeasured : t.legend.taken(takenOn(sample.fabric, sample.rate_scale), scaled(sample.rate_scale))}
      </p>
    </details>
  );
}

/** That what is drawn is a preview, of what, and how each way of it is drawn. */
function Preview({ of: { preview, routes } }: { of: Overlay }) {
  const ways = [...new Set(routes.map((route) => route.way))];
  return (
    <section class="legend-preview" data-preview aria-label={preview}>
      <b>{preview}</b>
      <p>{t.legend.previewSaid}</p>
      <ul class="legend-states">
        {ways.map((way) => {
          if (way === "binds") return null;
          const { colour, width, dash, alpha } = LOOKS[way];
          return (
            <li key={way} data-way={way}>
              <svg viewBox="0 0 30 8" class="sample-line" aria-hidden="true">
                <path
                  class="way"
                  data-colour={colour}
                  d="M1,4H29"
                  stroke-width={width}
                  stroke-dasharray={dash.join(" ")}
                  stroke-linecap="round"
                  opacity={alpha}
                />
              </svg>
              {t.map.ways[way]}
            </li>
          );
        })}
      </ul>
    </section>
  );
}

/** The steps of load with their bounds, as wide as each other, like the key of a paper map. */
function Ramp({ ahead }: { ahead: boolean }) {
  const steps = STEPS.length + 1;
  return (
    <div class="legend-ramp">
      <span class="legend-title">{ahead ? t.legend.booked : t.legend.ramp}</span>
      <svg class="ramp" viewBox={`0 0 ${String(steps * WIDE)} 20`} role="img" aria-label={ahead ? t.legend.bookedSaid : t.legend.rampSaid}>
        {Array.from({ length: steps }, (_, step) => (
          <g key={step}>
            <rect data-step={step} x={step * WIDE} y={0} width={WIDE - 1.5} height={7} rx={1.5} />
            <text
              x={step === 0 ? WIDE / 2 - 1 : (step + 1) * WIDE - 1.5}
              y={18}
              text-anchor={step === 0 ? "middle" : "end"}
            >
              {step === 0 ? t.legend.idle : String(Math.round((STEPS[step - 1] ?? 0) * 100))}
            </text>
          </g>
        ))}
      </svg>
    </div>
  );
}

function States({ ahead }: { ahead: boolean }) {
  return (
    <ul class="legend-states">
      <li hidden={ahead}>
        <svg viewBox="0 0 30 8" class="sample-line" aria-hidden="true">
          <path class="road" data-step="3" d="M1,4H29" stroke-width="3.6" />
          <path class="flow" d="M1,4H29" />
        </svg>
        {t.legend.moving}
      </li>
      {(["down", "drained"] as const).map((state) => (
        <li key={state}>
          <svg viewBox="0 0 30 8" class="sample-line" aria-hidden="true">
            <path class="road" data-state={state} d="M1,4H29" stroke-width="3" />
          </svg>
          {t.legend[state]}
        </li>
      ))}
    </ul>
  );
}

/** The switch for reach, and what it found. */
export function Reach() {
  const { store, sync } = usePage();
  const found = store.reach;
  return (
    <div class="reach">
      <label>
        <input
          type="checkbox"
          role="switch"
          checked={found !== null}
          onChange={(event) => sync.setReach(event.currentTarget.checked)}
        />
        {t.reach.label}
      </label>
      <p class="reach-words" aria-live="polite" data-reach hidden={found === null}>
        {typeof found === "string" && <span>{found === "loading" ? t.reach.loading : t.reach.failed}</span>}
        {found !== null && typeof found === "object" && (
          <>
            <b>{share(exactPercent(store.reachAtFirst ?? found.share), exactPercent(found.share))}</b>
            <span>
              {t.reach.of(people(found.population_total), found.rtt_ms)}
              {found.without.length > 0 && t.reach.without(found.without.map((fibre) => fibreName(store, fibre)).join(", "))}
            </span>
          </>
        )}
      </p>
    </div>
  );
}

function share(before: string, now: string): string {
  return before === now ? now : `${before} → ${now}`;
}
