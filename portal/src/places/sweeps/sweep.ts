// A sweep: every failure of a kind, worked out one after the other, and ranked. It goes on while one looks at something else.
import { signal } from "@preact/signals";
import { ask } from "../../api/client";
import type { WhatIfOut } from "../../api/schema";
import { saidOf } from "../../parts/asked";
import type { State } from "../../state/store";

export type Which = "all" | "groups" | "fibres" | "sites";

export interface Swept {
  target: string;
  dark: number;
  dark_gbps: number;
  moved: number;
  /** Links that would be promised above what they have. */
  short: number;
  fullest: number;
  found: WhatIfOut;
}

interface Sweeping {
  swept: readonly Swept[];
  /** How many there are; 0 before the first sweep. */
  all: number;
  going: boolean;
  trouble: string;
  /** Of the network that was swept. */
  revision: number;
}

const NOTHING: Sweeping = { swept: [], all: 0, going: false, trouble: "", revision: -1 };
export const sweeping = signal<Sweeping>(NOTHING);
let gone = new AbortController();

/** What one sweeps: risk groups of several fibres, fibres that carry a link, sites that links pass. */
export function targets(state: State, which: Which = "all"): string[] {
  const network = state.atlas?.network;
  if (network === undefined) return [];
  const size = new Map<string, number>();
  for (const fibre of network.fibres) for (const group of fibre.risk_groups) size.set(group, (size.get(group) ?? 0) + 1);
  const groups = network.risk_groups.filter((group) => (size.get(group.id) ?? 0) > 1).map((group) => group.id);
  const fibres = network.fibres.filter((fibre) => (state.atlas?.linksOn.get(fibre.id)?.length ?? 0) > 0).map((fibre) => fibre.id);
  const sites = network.sites.filter((site) => (state.atlas?.linksAt.get(site.id)?.length ?? 0) > 0).map((site) => site.id);
  return { all: [...groups, ...fibres, ...sites], groups, fibres, sites }[which];
}

export function sweptOf(found: WhatIfOut): Swept {
  const dark = found.counts["dark"];
  const sum = (...outcomes: string[]): number => outcomes.reduce((all, one) => all + (found.counts[one]?.services ?? 0), 0);
  return {
    target: found.cut,
    dark: dark?.services ?? 0,
    dark_gbps: dark?.gbps ?? 0,
    moved: sum("moved", "backup", "slow"),
    short: Math.max(found.oversold.length, found.fullest.filter((one) => one.share > 1 + 1e-9).length),
    fullest: Math.max(0, ...found.fullest.map((one) => one.share)),
    found,
  };
}

/** The worst first: who is dark, then what falls short, then how full it gets. */
export function ranked(swept: readonly Swept[]): Swept[] {
  return [...swept].sort(
    (a, b) =>
      b.dark_gbps - a.dark_gbps || b.dark - a.dark || b.short - a.short || b.fullest - a.fullest || (a.target < b.target ? -1 : 1),
  );
}

export async function sweep(state: State, which: Which): Promise<void> {
  gone.abort();
  gone = new AbortController();
  const { signal: off } = gone;
  const all = targets(state, which);
  sweeping.value = { ...NOTHING, all: all.length, going: true, revision: state.atlas?.network.revision ?? -1 };
  let trouble = "";
  try {
    for (const cut of all) {
      const found = sweptOf(await ask("GET /v1/whatif", { query: { cut }, signal: off }));
      sweeping.value = { ...sweeping.value, swept: [...sweeping.value.swept, found] };
    }
  } catch (error) {
    if (off.aborted) return;
    trouble = saidOf(error);
  }
  sweeping.value = { ...sweeping.value, going: false, trouble };
}

export function stop(): void {
  gone.abort();
  sweeping.value = { ...sweeping.value, going: false };
}
