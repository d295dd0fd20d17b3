// Each failure in turn on a copy: a list with the worst first, each on the map as one looks at it; what grows, and what
// upgrade helps most.
import { useState } from "preact/hooks";
import { ask } from "../../api/client";
import { Found } from "../../panels/shared/WhatIf";
import { useStore } from "../../page";
import { Answer } from "../../parts/Answer";
import { useAsked } from "../../parts/asked";
import { Choice } from "../../parts/Choice";
import { Part } from "../../parts/Part";
import { go, pick } from "../../state/go";
import { fibreName } from "../../state/naming";
import { siteName, type State } from "../../state/store";
import { t } from "../../words/en";
import { gbps, percent } from "../../words/figures";
import { Growth } from "./Growth";
import { ranked, stop, sweep, sweeping, targets, type Swept, type Which } from "./sweep";

/** So many at first, and so many at all: whoever looks for one of them has its panel. */
const FIRST = 12;
const MOST = 200;

/** What is chosen is in the address: what is swept, the failure that is looked at, growth. */
export function Sweeps() {
  const store = useStore();
  const { sweep: chosen, failure } = store.address;
  const which: Which = chosen === null || chosen === "growth" ? "all" : chosen;
  const [whole, showAll] = useState(false);
  const { swept, all, going, trouble, revision } = sweeping.value;
  const list = ranked(swept);
  const turn = (view: keyof typeof t.sweeps.views): void =>
    go(store, { sweep: view === "growth" ? "growth" : null, failure: null, grow: null, without: null });
  if (failure !== null) return <Failure target={failure} swept={list.find((one) => one.target === failure)} back={() => go(store, { failure: null })} />;
  if (chosen === "growth")
    return (
      <div class="place">
        <Choice name={t.sweeps.view} of={t.sweeps.views} chosen="growth" choose={turn} />
        <Growth worst={list[0]} />
      </div>
    );
  return (
    <div class="place">
      <Choice name={t.sweeps.view} of={t.sweeps.views} chosen="failures" choose={turn} />
      <p class="lead">{t.sweeps.intro}</p>
      <Choice name={t.sweeps.what} of={t.sweeps.kinds} chosen={which} choose={(one) => go(store, { sweep: one === "all" ? null : one })} />
      <div class="deeds">
        {going ? (
          <button class="second" type="button" onClick={stop}>
            {t.sweeps.stop}
          </button>
        ) : (
          <button class="main" type="button" onClick={() => void sweep(store, which)}>
            {t.sweeps.go}
          </button>
        )}
        <span role="status">{t.sweeps.progress(swept.length, going || swept.length > 0 ? all : targets(store, which).length)}</span>
      </div>
      {going && (
        <div class="progress">
          <progress max={all} value={swept.length} aria-label={t.places.sweeps} />
        </div>
      )}
      <p class="trouble" role="alert">
        {trouble}
      </p>
      {!going && swept.length > 0 && (
        <p class="gain">
          {t.sweeps.summary(list.filter((one) => one.dark > 0).length, list.filter((one) => one.short > 0).length, swept.length)}
        </p>
      )}
      {swept.length > 0 && revision !== store.atlas?.network.revision && <p class="warned">{t.sweeps.old}</p>}
      <Part title={t.sweeps.ranked} count={swept.length}>
        {swept.length === 0 && <p class="nothing">{t.sweeps.none}</p>}
        <ol class="ranked">
          {list.slice(0, whole ? MOST : FIRST).map((one, at) => (
            <Row key={one.target} of={one} rank={at + 1} look={() => go(store, { failure: one.target })} />
          ))}
        </ol>
        {!whole && list.length > FIRST && (
          <button class="second" type="button" onClick={() => showAll(true)}>
            {t.sweeps.more(Math.min(MOST, list.length) - FIRST)}
          </button>
        )}
      </Part>
    </div>
  );
}

function Row({ of: one, rank, look }: { of: Swept; rank: number; look: () => void }) {
  const store = useStore();
  return (
    <li>
      <button type="button" data-failure={one.target} data-dark={one.dark > 0} onClick={look}>
        <span class="rank">{rank}</span>
        <span>{failureName(store, one.target)}</span>
        <span class="kind">{t.sweeps.kindOf[kindOf(store, one.target)]}</span>
        <span class="track" aria-hidden="true">
          <span class="fill" data-step={one.dark > 0 ? 6 : Math.min(6, Math.ceil(one.fullest * 6))} style={{ width: `${Math.min(100, one.fullest * 100).toFixed(0)}%` }} />
        </span>
        <span class="row-say">
          {one.dark > 0 ? t.sweeps.result(one.dark, gbps(one.dark_gbps)) : t.sweeps.moved(one.moved, percent(one.fullest))}
        </span>
      </button>
    </li>
  );
}

interface FailureProps {
  target: string;
  /** As the sweep found it; one that it has not found, or that was sent to us, is worked out by itself. */
  swept: Swept | undefined;
  back: () => void;
}

/** One failure of them, as its panel would tell it, and on the map. */
function Failure({ target, swept, back }: FailureProps) {
  const store = useStore();
  const kind = kindOf(store, target);
  return (
    <div class="place">
      <div class="deeds">
        <button class="second" type="button" onClick={back}>
          ← {t.sweeps.back}
        </button>
        {kind !== "group" && (
          <button class="second" type="button" onClick={() => pick(store, { kind, id: target })}>
            {t.sweeps.open}
          </button>
        )}
      </div>
      <p class="gain" data-failure-shown={target}>
        {failureName(store, target)}
      </p>
      {swept === undefined ? <Alone target={target} /> : <Found of={swept.found} />}
    </div>
  );
}

function Alone({ target }: { target: string }) {
  const asked = useAsked(target, (signal) => ask("GET /v1/whatif", { query: { cut: target }, signal }));
  return <Answer of={asked}>{(found) => <Found of={found} />}</Answer>;
}

export function kindOf(state: Pick<State, "atlas">, target: string): "fibre" | "group" | "site" {
  if (state.atlas?.fibre.has(target) === true) return "fibre";
  return state.atlas?.group.has(target) === true ? "group" : "site";
}

export function failureName(state: Pick<State, "atlas">, target: string): string {
  const kind = kindOf(state, target);
  if (kind === "fibre") return fibreName(state, target);
  return kind === "group" ? (state.atlas?.group.get(target)?.name ?? target) : siteName(state, target);
}
