// Why a service is where it is: the decision that placed it in words, the ways that were looked at, on the map one by one,
// the paths it had, and all that happened to it.
import { useMemo, useState } from "preact/hooks";
import { ask } from "../../api/client";
import type { DecisionOut, WayOut } from "../../api/schema";
import { useStore } from "../../page";
import { Answer } from "../../parts/Answer";
import { useAsked } from "../../parts/asked";
import { Facts } from "../../parts/Facts";
import { Items } from "../../parts/Items";
import { useOverlay } from "../../parts/overlay";
import { Part } from "../../parts/Part";
import { named } from "../../state/naming";
import type { Overlay, State } from "../../state/store";
import { t } from "../../words/en";
import { date, ms, sentence } from "../../words/figures";
import { linksAlong } from "../rows";
import { inOrder, past, wayWords } from "./ways";

const DOTS: Record<string, string> = { chosen: "ACTIVE", backup: "RESERVED", down: "down", closed: "drained" };

export function Why({ id }: { id: string }) {
  const store = useStore();
  const path = store.services.get(id)?.there?.links.join(" ") ?? "";
  const asked = useAsked(`${id} ${path}`, (signal) =>
    ask("GET /v1/services/{service_id}/explanation", { path: { service_id: id }, signal }),
  );
  return (
    <Answer of={asked}>
      {({ decision, missing, events }) => (
        <>
          {decision === null ? <p class="nothing">{missing}</p> : <Decided of={decision} id={id} />}
          <Items
            tall
            title={t.prove.moves}
            empty={t.prove.noMoves}
            of={past(events).map((one) => ({
              title: wayWords(store, one.sites, one.before),
              note: `${date(one.at)} · ${one.why}${one.latency_ms === null ? "" : ` · ${ms(one.latency_ms)}`}`,
            }))}
          />
          <Items
            title={t.service.history}
            empty={t.panel.none}
            of={events.map((event) => ({ title: event.type.replace(/^highroad\.service\./, ""), note: date(event.at) }))}
          />
        </>
      )}
    </Answer>
  );
}

function Decided({ of: decision, id }: { of: DecisionOut; id: string }) {
  const store = useStore();
  const [shown, show] = useState<WayOut | null>(null);
  useOverlay(useMemo(() => (shown === null ? null : wayOverlay(store, id, shown)), [shown, id]));
  const ways = inOrder(decision.ways);
  const chosen = ways.find((way) => way.verdict === "chosen") ?? null;
  return (
    <>
      <Part title={t.prove.rule}>
        {chosen !== null && <p class="gain">{sentence(named(store, chosen.text))}</p>}
        <p class="said">{sentence(decision.rule)}.</p>
        <p class="said">{decision.identical ? t.prove.same : t.prove.differs}</p>
      </Part>
      <Facts of={[[t.service.decided, date(decision.at)], [t.service.asked, named(store, decision.asked)]]} />
      <Part title={t.service.considered} count={ways.length}>
        <p class="said">{t.prove.choose}</p>
        <ul class="items">
          {ways.map((way, at) => (
            <li key={at}>
              <button
                class="item tall"
                type="button"
                data-verdict={way.verdict}
                aria-pressed={shown === way}
                onClick={() => show(shown === way ? null : way)}
              >
                <span class="dot" data-state={DOTS[way.verdict] ?? "unknown"} aria-hidden="true" />
                <span class="item-title">{wayWords(store, way.sites, way === chosen ? null : (chosen?.sites ?? null))}</span>
                <span class="item-note">
                  {way.latency_ms === null ? "" : `${ms(way.latency_ms)} · `}
                  {named(store, way.text)}
                </span>
              </button>
            </li>
          ))}
        </ul>
        {ways.length === 0 && <p class="nothing">{t.service.noWays}</p>}
      </Part>
    </>
  );
}

/** A way that was looked at, solid where it was chosen, beside the one that the service has. */
function wayOverlay(state: State, id: string, { sites, verdict }: WayOut): Overlay {
  const links = linksAlong(state, sites, new Set());
  const own = state.services.get(id)?.there;
  return {
    said: wayWords(state, sites, null),
    lost: new Set(),
    loads: new Map(),
    routes: [
      ...(own === null || own === undefined ? [] : [{ service: id, way: "there" as const, sites: own.sites, links: own.links }]),
      ...(verdict === "chosen" ? [] : [{ service: id, way: "would" as const, sites, links }]),
    ],
  };
}
