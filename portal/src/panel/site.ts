// The facts of a site: what it is, whose, how clean its power is, what is joined to it and what ends there.
import { stateOf } from "../faults";
import { ENDED, siteName, stateNow, type State } from "../state";
import type { SiteOut } from "../wire";
import { gbps, kindTitle, ms } from "../words";
import { Sheet, type Pick } from "./sheet";

export function siteSheet(state: State, id: string, pick: Pick): Sheet | null {
  const first = state.atlas?.site.get(id);
  if (first === undefined) return null;
  const now = (): SiteOut => state.atlas?.site.get(id) ?? first;
  const sheet = new Sheet("site", kindTitle(first.kind), pick)
    .head(
      () => now().name,
      () => id,
    )
    .fact("Jurisdiction", () => now().jurisdiction)
    .fact("Operator", () => now().operator)
    .fact("Carbon", () => {
      const carbon = now().carbon_g_per_kwh;
      return carbon === null || carbon === undefined ? null : `${Math.round(carbon)} g CO₂e/kWh`;
    })
    .fact("Position", () => `${now().lat.toFixed(2)}°, ${now().lon.toFixed(2)}°`);
  if (state.who.tenant === null) {
    sheet.list("Links from it", "No link leaves it.", () =>
      (state.atlas?.linksAt.get(id) ?? [])
        .filter((link) => link.tail === id)
        .map((link) => ({
          title: siteName(state, link.head),
          note: `${gbps(link.capacity_gbps)} · ${ms(link.latency_ms)}`,
          state: stateOf(link, state.faults),
          to: { kind: "link", id: link.id },
        })),
    );
  }
  return sheet.list("Services that end here", "None now.", () =>
    [...state.services.values()]
      .filter(
        (service) =>
          (service.from.site === id || service.to.site === id) && !ENDED.has(stateNow(state, service)),
      )
      .map((service) => ({
        title: `${service.from.site === id ? "to" : "from"} ${siteName(state, service.from.site === id ? service.to.site : service.from.site)}`,
        note: gbps(service.bandwidth_gbps),
        state: stateNow(state, service),
        to: { kind: "service", id: service.id },
      })),
  );
}
