// The facts of a fibre: where it runs, what it is made of, what fails with it.
import { fibreName } from "../naming";
import { load } from "../ramp";
import { carriedOn, servicesOn, siteName, type State } from "../state";
import type { FibreOut } from "../wire";
import { count, gbps, km, MEDIA, ms, percent } from "../words";
import { Sheet, type Pick } from "./sheet";

const MS_PER_KM: Record<string, number> = { smf: 0.0049, hollow_core: 0.0034 };

export function fibreState(state: State, id: string): string {
  return state.faults.down.has(id) ? "down" : state.faults.drained.has(id) ? "drained" : "up";
}

export function fibreSheet(state: State, id: string, pick: Pick): Sheet | null {
  const first = state.atlas?.fibre.get(id);
  if (first === undefined) return null;
  const now = (): FibreOut => state.atlas?.fibre.get(id) ?? first;
  const links = (): string[] => (state.atlas?.linksOn.get(id) ?? []).map((link) => link.id);
  return new Sheet("fibre", "Fibre", pick)
    .head(
      () => fibreName(state, id),
      () => id,
      () => fibreState(state, id),
    )
    .fact("Length", () => km(now().length_km))
    .fact("Medium", () => MEDIA[now().medium] ?? now().medium)
    .fact("Light takes", () => {
      const each = MS_PER_KM[now().medium];
      return each === undefined ? null : `${ms(now().length_km * each)} one way`;
    })
    .fact("Crosses", () => (now().jurisdictions.length > 0 ? now().jurisdictions.join(", ") : "–"))
    .fact("Carries", () => count(servicesOn(state, links()).length, "service"))
    .list("Links on it", "No link runs over it.", () =>
      (state.atlas?.linksOn.get(id) ?? []).map((link) => {
        const carried = carriedOn(state, link.id);
        return {
          title: `${siteName(state, link.tail)} → ${siteName(state, link.head)}`,
          note: `${gbps(carried)} · ${percent(load(carried, link.capacity_gbps))}`,
          state: fibreState(state, id),
          to: { kind: "link", id: link.id },
        };
      }),
    )
    .list("Risk groups", "It shares no conduit that we know of.", () =>
      now().risk_groups.map((group) => {
        const facts = state.atlas?.group.get(group);
        const others = (state.atlas?.network.fibres ?? []).filter((fibre) => fibre.risk_groups.includes(group));
        return { title: facts?.name ?? group, note: count(others.length, "fibre") };
      }),
    );
}
