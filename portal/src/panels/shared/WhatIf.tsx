// What if a fibre, or a site, failed? What the controller would do, on the map and in words; and in a lab, the failure itself
// with the outage that was measured.
import { useState } from "preact/hooks";
import { ask } from "../../api/client";
import type { EffectOut, WhatIfOut } from "../../api/schema";
import { useStore } from "../../page";
import { Answer } from "../../parts/Answer";
import { useAsked } from "../../parts/asked";
import { Items } from "../../parts/Items";
import { Part } from "../../parts/Part";
import { Room } from "../../parts/Room";
import { ShowOnMap, type Tick } from "../../parts/ShowOnMap";
import { targetName } from "../../state/naming";
import type { Overlay, Route, State } from "../../state/store";
import { OUTCOMES, t } from "../../words/en";
import { gbps, ms, percent } from "../../words/figures";
import { linksAlong, serviceItemOf, wayOf } from "../rows";
import { CutIt } from "./CutIt";

const DOTS: Record<string, string> = { dark: "down", slow: "DEGRADED", moved: "RESERVED", backup: "RESERVED", stays: "up" };
const ORDER = ["dark", "slow", "moved", "backup", "stays", "unprotected"];

export function WhatIf({ id }: { id: string }) {
  const store = useStore();
  // What is down already changes what else would happen.
  const dark = [...store.faults.down].sort().join(" ");
  // Who has taken it off the map, or has cut it in earnest, looks at what is so.
  const tick = useState(true);
  const asked = useAsked(`${id} ${dark}`, (signal) => ask("GET /v1/whatif", { query: { cut: id }, signal }));
  return (
    <>
      <p class="lead">{t.whatIf.intro}</p>
      <Room of="cut">
        <Answer of={asked} asking={t.whatIf.asking}>{(found) => <Found of={found} tick={tick} />}</Answer>
      </Room>
      {store.atlas?.fibre.has(id) === true && <CutIt fibre={id} seen={() => tick[1](false)} />}
    </>
  );
}

/** What was found, in words and on the map. */
export function Found({ of: found, tick }: { of: WhatIfOut; tick?: Tick }) {
  const store = useStore();
  const fuller = found.fullest.filter((one) => one.share > one.before_gbps / one.capacity_gbps + 1e-6);
  return (
    <>
      <ShowOnMap of={found} overlay={(of) => overlayOf(store, of)} {...(tick === undefined ? {} : { tick })} />
      <Part title={t.whatIf.would(found.effects.length)}>
        <ul class="counts">
          {ORDER.flatMap((outcome) => {
            const sum = found.counts[outcome];
            if (sum === undefined || sum.services === 0) return [];
            return [
              <li key={outcome} data-outcome={outcome}>
                {t.whatIf.outcome(OUTCOMES[outcome] ?? outcome, sum.services, gbps(sum.gbps))}
              </li>,
            ];
          })}
        </ul>
      </Part>
      <Items
        tall
        title={t.whatIf.effects}
        empty={t.whatIf.none}
        of={found.effects.map((effect) => serviceItemOf(store, effect.service, effectWords(effect), DOTS[effect.outcome]))}
      />
      {found.oversold.length > 0 && (
        <Items
          title={t.whatIf.short}
          empty={t.panel.none}
          of={found.oversold.map((link) => ({ title: wayOf(store, link), state: "down", to: { kind: "link", id: link } }))}
        />
      )}
      <Items
        title={t.whatIf.fullest}
        empty={t.whatIf.noFullest}
        of={fuller.map((one) => ({
          title: wayOf(store, one.link),
          note: t.whatIf.fuller(percent(one.before_gbps / one.capacity_gbps), percent(one.share)),
          to: { kind: "link", id: one.link },
        }))}
      />
    </>
  );
}

/** What becomes of a service, with its latency where that changes. */
export function effectWords(effect: EffectOut): string {
  const words = [OUTCOMES[effect.outcome] ?? effect.outcome];
  const { latency_before_ms: before, latency_after_ms: after } = effect;
  if (after !== null && before !== null && after !== before) words.push(`${ms(before)} → ${ms(after)}`);
  if (effect.unprotected && effect.outcome !== "dark") words.push(OUTCOMES["unprotected"] ?? "");
  return words.join(", ");
}

/** What of it the map shows: links that are lost, who is dark, new ways, and how full the fullest would be. */
export function overlayOf(state: State, found: WhatIfOut): Overlay {
  const moved = found.effects.filter((effect) => effect.sites.length > 1 && effect.outcome !== "stays");
  return {
    said: t.whatIf.said(found.links.length, moved.length),
    preview: t.whatIf.key(targetName(state, found.cut)),
    lost: new Set(found.links),
    loads: new Map([...found.oversold.map((link) => [link, 1] as const), ...found.fullest.map((one) => [one.link, one.share] as const)]),
    routes: [
      ...found.effects.flatMap((effect): Route[] => {
        const path = effect.outcome === "dark" ? (state.services.get(effect.service)?.there ?? null) : null;
        return path === null ? [] : [{ service: effect.service, way: "dark", sites: path.sites, links: path.links }];
      }),
      ...moved.map((effect): Route => ({
        service: effect.service,
        way: "would",
        sites: effect.sites,
        links: linksAlong(state, effect.sites, new Set(found.links)),
      })),
    ],
  };
}
