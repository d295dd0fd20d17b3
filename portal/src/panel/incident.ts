// The facts of an incident: what failed, what happened when, and how long each service was dark.
import { siteName, type State } from "../state";
import type { IncidentOut } from "../wire";
import { date, exact, ms } from "../words";
import { fibreState } from "./fibre";
import { Sheet, type Pick } from "./sheet";

export function fibreName(state: State, id: string): string {
  const fibre = state.atlas?.fibre.get(id);
  return fibre === undefined ? id : `${siteName(state, fibre.a)} – ${siteName(state, fibre.b)}`;
}

export function incidentSheet(state: State, id: string, pick: Pick): Sheet | null {
  const find = (): IncidentOut | undefined => state.incidents.find((incident) => incident.id === id);
  const first = find();
  if (first === undefined) return null;
  const now = (): IncidentOut => find() ?? first;
  return new Sheet("incident", "Incident", pick)
    .head(
      () => now().fibres.map((fibre) => fibreName(state, fibre)).join(", "),
      () => id,
      () => (now().open ? "open" : "closed"),
    )
    .fact("Opened", () => date(now().opened))
    .fact("Closed", () => {
      const closed = now().closed;
      return closed === null ? "still open" : date(closed);
    })
    .list("Services that were dark", "No service was touched.", () =>
      now().outages.map((outage) => {
        const service = state.services.get(outage.service);
        const name =
          service === undefined
            ? outage.service
            : `${siteName(state, service.from.site)} – ${siteName(state, service.to.site)}`;
        return {
          title: name,
          note: `${ms(outage.dark_ms)}${outage.healed ? "" : ", not healed"}`,
          state: outage.healed ? "ACTIVE" : "down",
          to: { kind: "service", id: outage.service },
        };
      }),
    )
    .list("Fibres", "None.", () =>
      now().fibres.map((fibre) => ({
        title: fibreName(state, fibre),
        state: fibreState(state, fibre),
        to: { kind: "fibre", id: fibre },
      })),
    )
    .list("Time line", "Nothing yet.", () =>
      now().timeline.map((entry) => ({ title: entry.text, note: exact(entry.at) })),
    );
}
