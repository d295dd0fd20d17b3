// The facts of an incident: what failed, what happened when, and how long each service was dark.
import { useEffect } from "preact/hooks";
import type { IncidentOut, OutageOut } from "../../api/schema";
import { usePage } from "../../page";
import { Facts } from "../../parts/Facts";
import { Items, type Item } from "../../parts/Items";
import { fibreState } from "../../state/faults";
import { fibreName, named } from "../../state/naming";
import { stateNow } from "../../state/services";
import type { State } from "../../state/store";
import { REASONS, t } from "../../words/en";
import { date, exact, ms } from "../../words/figures";
import { ends } from "../rows";

/** Of more services nobody reads the names; each is known when one opens it. */
const NAMED = 20;

export function Now({ id }: { id: string }) {
  const { store, sync, time } = usePage();
  const incident = store.incidents.find((one) => one.id === id);
  const struck = incident?.outages.map((outage) => outage.service).join(" ") ?? "";
  // Those that have ended since have names too.
  useEffect(() => sync.want(struck.split(" ").filter(Boolean).slice(0, NAMED)), [struck]);
  if (incident === undefined) return null;
  return (
    <>
      <Facts
        of={[
          [t.incident.opened, date(incident.opened)],
          [t.incident.closed, incident.closed === null ? t.incident.stillOpen : date(incident.closed)],
        ]}
      />
      <div class="deeds">
        <button class="second" type="button" onClick={() => time.replay(incident)}>
          {t.timeline.replay}
        </button>
      </div>
      <Items
        title={t.incident.dark}
        empty={t.incident.noDark}
        of={incident.outages.map((outage) => darkService(store, outage))}
      />
      {incident.outages.length > 0 && store.sample?.fabric === "twin" && <p class="said">{t.incident.modelled}</p>}
      {store.operator && (
        <Items
          title={t.incident.fibres}
          empty={t.panel.none}
          of={incident.fibres.map((fibre) => ({
            title: fibreName(store, fibre),
            note: faultWords(incident, fibre),
            state: fibreState(store.faults, fibre),
            to: { kind: "fibre", id: fibre },
          }))}
        />
      )}
      <Items
        title={t.incident.line}
        empty={t.incident.noLine}
        of={incident.timeline.map((entry) => ({ title: named(store, entry.text), note: exact(entry.at) }))}
      />
    </>
  );
}

/** Why a fibre failed, and whether it is good again. */
export function faultWords(incident: IncidentOut, fibre: string): string {
  const fault = incident.faults.find((one) => one.fibre === fibre);
  if (fault === undefined) return "";
  if (fault.back === null) return REASONS[fault.reason] ?? fault.reason;
  return fault.in_use ? t.incident.inUse : t.incident.good(fault.wait_s);
}

/** What was not measured is no zero, and what was found to be none is said in words. */
function darkFor(dark_ms: number | null, less_than_ms: number | null): string {
  if (less_than_ms !== null) return `< ${ms(less_than_ms)}`;
  if (dark_ms === null) return t.incident.unmeasured;
  return dark_ms === 0 ? t.incident.notDark : ms(dark_ms);
}

/** How long it was dark is the past; its dot, and a word where it is not simply active, say how it is now. */
export function darkService(state: State, { service: id, dark_ms, less_than_ms, healed }: OutageOut): Item {
  const service = state.services.get(id);
  const now = service === undefined ? null : stateNow(state, service);
  const words = [
    healed ? darkFor(dark_ms, less_than_ms) : t.incident.stillDark,
    now === null || now === "ACTIVE" ? null : t.incident.now(now.toLowerCase()),
  ];
  return {
    title: service === undefined ? id : ends(state, service),
    note: words.filter((word) => word !== null).join(", "),
    state: now ?? (healed ? "unknown" : "down"),
    to: { kind: "service", id },
  };
}
