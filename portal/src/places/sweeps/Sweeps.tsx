// Each fibre, or each risk group that is more than a fibre, cut in turn on a copy: a list with the worst first.
import { useEffect, useRef, useState } from "preact/hooks";
import { ask } from "../../api/client";
import type { WhatIfOut } from "../../api/schema";
import { useStore } from "../../page";
import { saidOf } from "../../parts/asked";
import { Items } from "../../parts/Items";
import { fibreName } from "../../state/naming";
import type { State } from "../../state/store";
import { t } from "../../words/en";
import { gbps } from "../../words/figures";

export interface Swept {
  target: string;
  dark: number;
  dark_gbps: number;
  fullest: number;
}

/** What one sweeps: every fibre that carries something, and every risk group of several fibres. */
export function targets(state: State): string[] {
  const network = state.atlas?.network;
  if (network === undefined) return [];
  const fibres = network.fibres.filter((fibre) => (state.atlas?.linksOn.get(fibre.id)?.length ?? 0) > 0);
  const size = new Map<string, number>();
  for (const fibre of network.fibres) for (const group of fibre.risk_groups) size.set(group, (size.get(group) ?? 0) + 1);
  const groups = network.risk_groups.filter((group) => (size.get(group.id) ?? 0) > 1);
  return [...groups.map((group) => group.id), ...fibres.map((fibre) => fibre.id)];
}

export function sweptOf(found: WhatIfOut): Swept {
  const dark = found.counts["dark"];
  return {
    target: found.cut,
    dark: dark?.services ?? 0,
    dark_gbps: dark?.gbps ?? 0,
    fullest: Math.max(0, ...found.fullest.map((one) => one.share)),
  };
}

export function ranked(swept: readonly Swept[]): Swept[] {
  return [...swept].sort((a, b) => b.dark_gbps - a.dark_gbps || b.fullest - a.fullest || (a.target < b.target ? -1 : 1));
}

export function Sweeps() {
  const store = useStore();
  const [swept, add] = useState<Swept[]>([]);
  const [going, run] = useState(false);
  const [trouble, say] = useState("");
  const gone = useRef(new AbortController());
  useEffect(() => () => gone.current.abort(), []);
  const all = targets(store);
  const sweep = async (): Promise<void> => {
    gone.current = new AbortController();
    const { signal } = gone.current;
    run(true);
    add([]);
    say("");
    try {
      for (const cut of all) {
        const found = await ask("GET /v1/whatif", { query: { cut }, signal });
        add((before) => [...before, sweptOf(found)]);
      }
    } catch (error) {
      if (!signal.aborted) say(saidOf(error));
    }
    if (!signal.aborted) run(false);
  };
  const name = (target: string): string =>
    store.atlas?.fibre.has(target) === true ? fibreName(store, target) : (store.atlas?.group.get(target)?.name ?? target);
  return (
    <div class="place">
      <p class="lead">{t.sweeps.intro}</p>
      <div class="deeds">
        {going ? (
          <button
            class="second"
            type="button"
            onClick={() => {
              gone.current.abort();
              run(false);
            }}
          >
            {t.sweeps.stop}
          </button>
        ) : (
          <button class="main" type="button" onClick={() => void sweep()}>
            {t.sweeps.go}
          </button>
        )}
        <span role="status">{t.sweeps.progress(swept.length, all.length)}</span>
      </div>
      <p class="trouble" role="alert">
        {trouble}
      </p>
      <Items
        title={t.places.sweeps}
        empty={t.sweeps.none}
        of={ranked(swept).map((one) => ({
          title: name(one.target),
          note: one.dark > 0 ? t.sweeps.result(one.dark, gbps(one.dark_gbps)) : t.sweeps.nothing,
          state: one.dark > 0 ? "down" : "up",
          ...(store.atlas?.fibre.has(one.target) === true ? { to: { kind: "fibre" as const, id: one.target } } : {}),
        }))}
      />
    </div>
  );
}
