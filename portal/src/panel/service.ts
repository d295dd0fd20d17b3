// The facts of a service: what was promised, what is so now, and the way it goes.
import { named } from "../naming";
import { ENDED, siteName, stateNow, type State } from "../state";
import type { CountersOut, PathOut, ServiceOut, ServiceRateOut } from "../wire";
import { bytes, gbps, km, ms, period } from "../words";
import { Sheet, type Item, type Pick } from "./sheet";

export function serviceSheet(
  state: State,
  id: string,
  pick: Pick,
  counters: () => CountersOut | null,
): Sheet | null {
  const first = state.services.get(id);
  if (first === undefined) return null;
  const now = (): ServiceOut => state.services.get(id) ?? first;
  const rate = (): ServiceRateOut | undefined => state.sample?.services[id];
  const bound = (): string => {
    const most = now().latency_bound_ms;
    return most === null ? "no bound" : `at most ${ms(most)}`;
  };
  return new Sheet("service", "Service", pick)
    .head(
      () => `${siteName(state, now().from.site)} – ${siteName(state, now().to.site)}`,
      () => (now().description === "" ? id : `${id} · ${now().description}`),
      () => stateNow(state, now()),
    )
    .fact("Why", () => {
      const reason = now().reason;
      return reason === null || reason === "" ? null : named(state, reason);
    })
    .fact("Tenant", () => now().tenant)
    .fact("Guaranteed", () => `${gbps(now().bandwidth_gbps)} each way`)
    .fact("Burst", () => {
      const burst = now().burst_gbps;
      return burst === null ? null : `up to ${gbps(burst)}`;
    })
    .fact("Class", () => `${now().traffic_class}, ${now().protection === "none" ? "unprotected" : "path protected"}`)
    .fact("Fence", () => now().fence?.join(", ") ?? "none")
    .fact("Window", () => period(now().start, now().end))
    .part("Now")
    .fact("Carried there", () => (rate() === undefined ? null : gbps(rate()?.carried_gbps_there ?? 0)))
    .fact("Carried back", () => (rate() === undefined ? null : gbps(rate()?.carried_gbps_back ?? 0)))
    .fact("Latency", () => {
      const seen = rate();
      const there = seen === undefined ? now().there?.latency_ms : seen.latency_ms_there;
      const back = seen === undefined ? now().back?.latency_ms : seen.latency_ms_back;
      return `${ms(there)} there, ${ms(back)} back; ${bound()}`;
    })
    .fact("Dark so far", () => (rate() === undefined ? null : ms(rate()?.dark_ms)))
    .fact("Lost", () => (rate() === undefined ? null : bytes(rate()?.lost_bytes ?? 0)))
    .fact("Carried so far", () => {
      const total = counters();
      return total === null ? null : bytes(total.carried_bytes);
    })
    .list("Path there", "It has no path now.", () => stops(state, now().there), true)
    .list("Path back", "It has no path now.", () => stops(state, now().back), true);
}

function stops(state: State, path: PathOut | null): Item[] {
  return (path?.sites ?? []).map((site, at) => {
    const link = state.atlas?.link.get(path?.links[at - 1] ?? "");
    const fibre = state.atlas?.fibre.get(link?.fibres[0] ?? "");
    const hop = link === undefined ? "" : `${ms(link.latency_ms)}${fibre === undefined ? "" : ` · ${km(fibre.length_km)}`}`;
    return { title: siteName(state, site), note: hop, to: { kind: "site", id: site } };
  });
}

/** Whether a service's counters run. */
export function counting(state: State, service: ServiceOut): boolean {
  const now = stateNow(state, service);
  return !ENDED.has(now) && (now === "ACTIVE" || now === "DEGRADED");
}
