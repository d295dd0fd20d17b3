// The optimiser's newest plan against what is: what it gains, what it moves, yes or no.
import { useState } from "preact/hooks";
import { ask } from "../../api/client";
import type { PlanDiffOut } from "../../api/schema";
import { useStore } from "../../page";
import { Answer } from "../../parts/Answer";
import { saidOf, useAsked } from "../../parts/asked";
import { Facts } from "../../parts/Facts";
import { Items } from "../../parts/Items";
import { ShowOnMap } from "../../parts/ShowOnMap";
import { linksAlong, serviceItemOf, wayOf } from "../../panels/rows";
import type { Overlay, State } from "../../state/store";
import { t } from "../../words/en";
import { exactPercent, ms, percent } from "../../words/figures";

const EVERY_MS = 5000;

export function Plan() {
  const asked = useAsked("plan", async (signal) => {
    const optimiser = await ask("GET /v1/plan", { signal });
    const id = optimiser.plan?.id;
    const diff = id === undefined ? null : await ask("GET /v1/plan/{plan_id}", { path: { plan_id: id }, signal });
    return { optimiser, diff };
  }, EVERY_MS);
  return (
    <div class="place">
      <p class="lead">{t.plan.intro}</p>
      <Answer of={asked}>
        {({ optimiser, diff }) => (
          <>
            <Facts of={[[t.plan.mode, optimiser.mode], [t.plan.waits, optimiser.waits]]} />
            {diff === null ? <p class="nothing">{t.plan.none}</p> : <Against key={diff.plan.id} diff={diff} again={asked.again} />}
          </>
        )}
      </Answer>
    </div>
  );
}

function Against({ diff, again }: { diff: PlanDiffOut; again: () => void }) {
  const store = useStore();
  const [busy, work] = useState(false);
  const [trouble, say] = useState("");
  const { plan } = diff;
  const apply = (): void => {
    work(true);
    say("");
    ask("POST /v1/plan/{plan_id}/apply", { path: { plan_id: plan.id } })
      .then(again)
      .catch((error: unknown) => say(saidOf(error)))
      .finally(() => work(false));
  };
  const moved = [...diff.links].sort((a, b) => change(b) - change(a)).slice(0, 20);
  return (
    <>
      <Facts
        of={[
          [t.plan.fullest, t.plan.change(exactPercent(plan.before.utilisation), exactPercent(plan.after.utilisation))],
          [t.plan.bound, exactPercent(plan.bound)],
          [t.plan.latency, t.plan.change(ms(plan.before.latency_ms), ms(plan.after.latency_ms))],
          [t.plan.moves, t.plan.steps(plan.moves, plan.steps)],
          [t.plan.verdict, plan.verdict],
          [t.plan.stale, plan.stale.join(", ")],
        ]}
      />
      {plan.applied ? (
        <p class="nothing">{plan.outcome === "" ? t.plan.applied : plan.outcome}</p>
      ) : (
        store.who.role === "operator" &&
        plan.moves > 0 && (
          <div class="deeds">
            <button class="main" type="button" disabled={busy || plan.stale.length > 0} onClick={apply}>
              {t.plan.apply}
            </button>
          </div>
        )
      )}
      <p class="trouble" role="alert">
        {trouble}
      </p>
      {diff.moves.length > 0 && <ShowOnMap of={diff} overlay={(of) => overlayOf(store, of)} />}
      <Items
        title={t.plan.movesList}
        empty={t.drain.nobody}
        of={diff.moves.map((move) =>
          serviceItemOf(store, move.service, t.plan.change(ms(move.before.latency_ms), ms(move.after.latency_ms))),
        )}
      />
      <Items
        title={t.plan.links}
        empty={t.panel.none}
        of={moved.map((one) => ({
          title: wayOf(store, one.link),
          note: t.plan.change(percent(one.before_gbps / one.capacity_gbps), percent(one.after_gbps / one.capacity_gbps)),
          to: { kind: "link", id: one.link },
        }))}
      />
    </>
  );
}

function change({ before_gbps, after_gbps, capacity_gbps }: PlanDiffOut["links"][number]): number {
  return Math.abs(after_gbps - before_gbps) / capacity_gbps;
}

/** The ways that would be new, and how full links would be. */
export function overlayOf(state: State, diff: PlanDiffOut): Overlay {
  return {
    said: t.plan.said(diff.moves.length),
    lost: new Set(),
    loads: new Map(diff.links.map((one) => [one.link, one.after_gbps / one.capacity_gbps])),
    routes: diff.moves.map(({ service, after: { sites } }) => ({
      service,
      way: "would",
      sites,
      links: linksAlong(state, sites, new Set()),
    })),
  };
}
