// The facts of an incident: what failed, what happened when, and how long each service was dark.
import { fibreName, named } from "../naming";
import { siteName, stateNow, type State } from "../state";
import type { IncidentOut, OutageOut } from "../wire";
import { date, exact, ms } from "../words";
import { fibreState } from "./fibre";
import { Sheet, type Item, type Pick } from "./sheet";

export function incidentSheet(state: State, id: string, pick: Pick): Sheet | null {
  const find = (): IncidentOut | undefined => state.incidents.find((incident) => incident.id === id);
  const first = find();
  if (first === undefined) return null;
  const now = (): IncidentOut => find() ?? first;
  return new Sheet("incident", "Incident", pick)
    .head(
      () => titleOf(state, now()),
      () => id,
      () => (now().open ? "open" : "closed"),
    )
    .fact("Opened", () => date(now().opened))
    .fact("Closed", () => {
      const closed = now().closed;
      return closed === null ? "still open" : date(closed);
    })
    .list("Services that were dark", "No service was touched.", () =>
      now().outages.map((outage) => darkService(state, outage)),
    )
    .list("Fibres", "None.", () =>
      now().fibres.map((fibre) => ({
        title: fibreName(state, fibre),
        note: faultWords(now(), fibre),
        state: fibreState(state, fibre),
        to: { kind: "fibre", id: fibre },
      })),
    )
    .list("Time line", "Nothing yet.", () =>
      now().timeline.map((entry) => ({ title: named(state, entry.text), note: exact(entry.at) })),
    );
}

/** A fibre is called by its sites; of what failed together it is said what that is. */
export function titleOf(state: State, incident: IncidentOut): string {
  const [only, ...more] = incident.fibres;
  return only !== undefined && more.length === 0 ? fibreName(state, only) : named(state, incident.title);
}

/** Why a fibre failed, and whether it is good again. */
export function faultWords(incident: IncidentOut, fibre: string): string {
  const fault = incident.faults.find((one) => one.fibre === fibre);
  if (fault === undefined) return "";
  const why = REASONS[fault.reason] ?? fault.reason;
  if (fault.back === null) return why;
  return fault.in_use ? "in use again" : `good again, to be used after ${fault.wait_s} s without a fault`;
}

const REASONS: Record<string, string> = {
  light: "no light",
  silent: "light, and nothing is heard",
  "one-way": "heard one way only",
  loss: "too much is lost",
};

/** How long it was dark is the past; its dot, and a word where it is not simply active, say how it is now. */
export function darkService(state: State, { service: id, dark_ms, less_than_ms, healed }: OutageOut): Item {
  const service = state.services.get(id);
  const now = service === undefined ? null : stateNow(state, service);
  const dark = less_than_ms === null || less_than_ms === undefined ? ms(dark_ms) : `< ${ms(less_than_ms)}`;
  const words = [healed ? dark : "still dark", now === null || now === "ACTIVE" ? null : `now ${now.toLowerCase()}`];
  return {
    title: service === undefined ? id : `${siteName(state, service.from.site)} – ${siteName(state, service.to.site)}`,
    note: words.filter((word) => word !== null).join(", "),
    state: now ?? (healed ? "unknown" : "down"),
    to: { kind: "service", id },
  };
}
