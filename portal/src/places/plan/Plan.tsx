// The optimiser's newest plan against what is: what it gains, what it moves, yes or no, and how far it is.
import { signal } from "@preact/signals";
import { useMemo, useState } from "preact/hooks";
import { ask } from "../../api/client";
import type { DoingOut, OptimiserOut, PlanDiffOut } from "../../api/schema";
import { serviceItemOf, wayOf } from "../../panels/rows";
import { useStore } from "../../page";
import { Answer } from "../../parts/Answer";
import { saidOf, useAsked } from "../../parts/asked";
import { Change } from "../../parts/Change";
import { Choice } from "../../parts/Choice";
import { Facts } from "../../parts/Facts";
import { Items } from "../../parts/Items";
import { useOverlay } from "../../parts/overlay";
import { Part } from "../../parts/Part";
import { t } from "../../words/en";
import { exactPercent, ms, percent, sentence, time } from "../../words/figures";
import { changes, gain, planOverlay, signature, steps, type Look, type Refilled } from "./gain";

const EVERY_MS = 2000;
const MOST_LINKS = 12;
const MOST_STALE = 30;
const NO = "highroad.plan.no";
/** The plan that was applied from this page: its outcome is shown also when a newer one is there. */
const mine = signal<string | null>(null);

export function Plan() {
  const asked = useAsked("plan", (signal) => ask("GET /v1/plan", { signal }), EVERY_MS);
  return (
    <div class="place">
      <p class="lead">{t.plan.intro}</p>
      <Answer of={asked}>{(optimiser) => <Shown optimiser={optimiser} again={asked.again} />}</Answer>
    </div>
  );
}

function Shown({ optimiser, again }: { optimiser: OptimiserOut; again: () => void }) {
  const { plan, doing } = optimiser;
  const own = mine.value;
  return (
    <>
      <Facts of={[[t.plan.mode, t.plan.modes[optimiser.mode] ?? optimiser.mode], [t.plan.waits, optimiser.waits]]} />
      {doing !== null && <Doing doing={doing} />}
      {doing === null && own !== null && <Outcome id={own} />}
      {plan === null ? (
        <p class="nothing">{optimiser.mode === "off" ? t.plan.off : t.plan.none}</p>
      ) : plan.applied || doing !== null ? (
        plan.id !== own && plan.outcome !== "" && <p class="nothing">{sentence(plan.outcome)}</p>
      ) : plan.moves === 0 ? (
        <>
          <Scores plan={plan} />
          <p class="nothing">{t.plan.kept}</p>
        </>
      ) : (
        <Newest key={plan.id} id={plan.id} stale={plan.stale} again={again} />
      )}
    </>
  );
}

/** How far the plan is that is being applied. */
function Doing({ doing }: { doing: DoingOut }) {
  const asked = useAsked(doing.plan, (signal) => ask("GET /v1/plan/{plan_id}", { path: { plan_id: doing.plan }, signal }));
  return (
    <Part title={t.plan.applying}>
      <div class="progress">
        <progress max={doing.services} value={doing.moved} aria-label={t.plan.applying} />
        <span role="status">{t.plan.doing(doing.moved, doing.services)}</span>
      </div>
      {asked.state === "here" && <Steps diff={asked.value} doing={doing} />}
      <p class="said">{t.plan.radius}</p>
    </Part>
  );
}

const STEP_WORDS = { done: t.plan.stepDone, now: t.plan.stepNow, next: t.plan.stepNext };

function Steps({ diff, doing }: { diff: PlanDiffOut; doing: DoingOut | null }) {
  return (
    <ol class="plan-steps">
      {steps(diff.moves, diff.plan.steps, doing).map((one) => (
        <li key={one.number} data-step={one.state}>
          {t.plan.stepNo(one.number)} · {one.services}
          {doing !== null && <> · {STEP_WORDS[one.state]}</>}
        </li>
      ))}
    </ol>
  );
}

/** What became of what one applied. */
function Outcome({ id }: { id: string }) {
  const asked = useAsked(id, (signal) => ask("GET /v1/plan/{plan_id}", { path: { plan_id: id }, signal }), EVERY_MS);
  if (asked.state !== "here") return null;
  const { outcome } = asked.value.plan;
  return (
    <Part title={t.plan.outcome}>
      <p class="big-figure" role="status">
        {outcome === "" ? t.plan.applied : sentence(outcome)}
      </p>
      <div class="deeds">
        <button class="second" type="button" onClick={() => (mine.value = null)}>
          {t.plan.done}
        </button>
      </div>
    </Part>
  );
}

function Newest({ id, stale, again }: { id: string; stale: readonly string[]; again: () => void }) {
  const asked = useAsked(id, (signal) => ask("GET /v1/plan/{plan_id}", { path: { plan_id: id }, signal }));
  const [no, refuse] = useState(() => localStorage.getItem(NO));
  return (
    <Answer of={asked}>
      {(diff) => {
        const its = signature(diff.moves);
        const say = (what: string | null): void => {
          if (what === null) localStorage.removeItem(NO);
          else localStorage.setItem(NO, what);
          refuse(what);
        };
        if (no === its)
          return (
            <div class="nothing">
              <span>{t.plan.refused}</span>
              <button class="second" type="button" onClick={() => say(null)}>
                {t.plan.again}
              </button>
            </div>
          );
        return <Against diff={diff} stale={stale} again={again} dismiss={() => say(its)} />;
      }}
    </Answer>
  );
}

interface Props {
  diff: PlanDiffOut;
  stale: readonly string[];
  again: () => void;
  dismiss: () => void;
}

function Against({ diff, stale, again, dismiss }: Props) {
  const store = useStore();
  const { plan } = diff;
  const [look, turn] = useState<Look>("both");
  const chosen = store.selection?.kind === "service" ? store.selection.id : null;
  const { atlas } = store;
  useOverlay(useMemo(() => planOverlay(store, diff, look, chosen), [diff, look, chosen, atlas]));
  const { fuller, emptier } = useMemo(() => changes(diff.links), [diff]);
  return (
    <>
      <p class="gain">{gain(plan)}</p>
      {stale.length > 0 && (
        <div class="warned" data-stale>
          <p role="status">{t.plan.stale}</p>
          <details>
            <summary>{t.plan.staleWhat(stale.length)}</summary>
            <ul class="stale">
              {stale.slice(0, MOST_STALE).map((one) => (
                <li key={one}>{sentence(one)}</li>
              ))}
            </ul>
          </details>
        </div>
      )}
      <Scores plan={plan} />
      <Facts
        of={[
          [t.plan.moves, t.plan.steps(plan.moves, plan.steps)],
          [t.plan.verdict, verdict(plan.verdict)],
          [t.plan.made, time(plan.made)],
        ]}
      />
      <Decide diff={diff} stale={stale.length > 0} again={again} dismiss={dismiss} />
      <Part title={t.plan.show}>
        <Choice name={t.plan.show} of={t.plan.looks} chosen={look} choose={turn} />
        <p class="said">{t.plan.key}</p>
      </Part>
      <Items
        title={t.plan.movesList}
        empty={t.drain.nobody}
        of={diff.moves.map((move) =>
          serviceItemOf(store, move.service, t.plan.change(ms(move.before.latency_ms), ms(move.after.latency_ms))),
        )}
      />
      <Refilling title={t.plan.emptier} empty={t.plan.noneEmptier} of={emptier} />
      <Refilling title={t.plan.fuller} empty={t.plan.noneFuller} of={fuller} />
      {diff.left.length > 0 && (
        <Items tall title={t.plan.left} empty={t.panel.none} of={diff.left.map((one) => serviceItemOf(store, one.service, one.why))} />
      )}
    </>
  );
}

/** The figures are beside it: what it comes to is behind the colon. */
function verdict(text: string): string {
  return sentence(text.slice(text.lastIndexOf(": ") + 1).trim());
}

/** The fullest link and the mean latency, as they are and as they would be. */
function Scores({ plan }: { plan: PlanDiffOut["plan"] }) {
  const { before, after, bound } = plan;
  const most_ms = Math.max(before.latency_ms, after.latency_ms, 1e-9) * 1.1;
  return (
    <div class="part">
      <Change
        name={t.plan.fullest}
        before={before.utilisation}
        after={after.utilisation}
        text={t.plan.change(exactPercent(before.utilisation), exactPercent(after.utilisation))}
      />
      <Change
        name={t.plan.latency}
        before={before.latency_ms / most_ms}
        after={after.latency_ms / most_ms}
        plain
        text={t.plan.change(ms(before.latency_ms), ms(after.latency_ms))}
      />
      <p class="said">{t.plan.best(exactPercent(bound))}</p>
    </div>
  );
}

/** Yes, asked twice, or no. */
function Decide({ diff, stale, again, dismiss }: { diff: PlanDiffOut; stale: boolean; again: () => void; dismiss: () => void }) {
  const store = useStore();
  const { plan } = diff;
  const [sure, setSure] = useState(false);
  const [busy, work] = useState(false);
  const [trouble, say] = useState("");
  if (store.who.role !== "operator") return null;
  const apply = (): void => {
    work(true);
    say("");
    ask("POST /v1/plan/{plan_id}/apply", { path: { plan_id: plan.id } })
      .then(() => {
        mine.value = plan.id;
        again();
      })
      .catch((error: unknown) => say(saidOf(error)))
      .finally(() => {
        work(false);
        setSure(false);
      });
  };
  return (
    <>
      {sure && <p class="said">{`${t.plan.confirm(plan.moves, plan.steps)} ${t.plan.radius}`}</p>}
      <div class="deeds">
        {sure ? (
          <>
            <button class="main" type="button" disabled={busy || stale} onClick={apply}>
              {t.plan.sure}
            </button>
            <button class="second" type="button" onClick={() => setSure(false)}>
              {t.plan.wait}
            </button>
          </>
        ) : (
          <>
            <button class="main" type="button" disabled={stale} onClick={() => setSure(true)}>
              {t.plan.apply}
            </button>
            <button class="second" type="button" onClick={dismiss}>
              {t.plan.no}
            </button>
          </>
        )}
      </div>
      <p class="trouble" role="alert">
        {trouble}
      </p>
    </>
  );
}

function Refilling({ title, empty, of }: { title: string; empty: string; of: readonly Refilled[] }) {
  const store = useStore();
  return (
    <Part title={title} count={of.length}>
      {of.slice(0, MOST_LINKS).map(({ link, before, after }) => (
        <Change
          key={link}
          name={wayOf(store, link)}
          before={before}
          after={after}
          text={t.plan.change(percent(before), percent(after))}
          to={{ kind: "link", id: link }}
        />
      ))}
      {of.length === 0 && <p class="nothing">{empty}</p>}
    </Part>
  );
}
