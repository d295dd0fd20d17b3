// The facts of a service: what was promised, what is so now, and the way it goes.
import { named } from "../naming";
import { ENDED, siteName, stateNow, type State } from "../state";
import type { CountersOut, PathOut, ServiceOut, ServiceRateOut } from "../wire";
import { bytes, gbps, km, ms, period, time } from "../words";
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
    .fact("Follows its load", () => {
      const rule = now().autoscale;
      if (rule === null) return null;
      const no = rule.last_refusal;
      const lately = no !== null && (rule.last_step === null || no.at >= rule.last_step.at);
      const why = lately ? `; ${gbps(no.wanted_gbps)} were refused: ${no.message}` : "";
      return `between ${gbps(rule.floor_gbps)} and ${gbps(rule.ceiling_gbps)}${why}`;
    })
    .fact("Class", () => `${now().traffic_class}, ${now().protection === "none" ? "unprotected" : "path protected"}`)
    .fact("Fence", () => now().fence?.join(", ") ?? "none")
    .fact("Held until", () => {
      const until = now().hold_until;
      return until === null ? null : `${time(until)}, if nobody takes it`;
    })
    .fact("Window", () => period(now().start, now().end))
    .fact("Repeats", () => {
      const again = now().recurrence;
      return again === null ? null : `${again.rule}, by clocks of ${again.time_zone}`;
    })
    .fact("Next", () => {
      const [next] = now().windows;
      const more = now().windows_left - 1;
      return next === undefined ? null : `${period(next.start, next.end)}${more > 0 ? `, and ${String(more)} more` : ""}`;
    })
    .fact("Note", () => (now().notes.length === 0 ? null : now().notes.join(" ")))
    .fact("Split", () => {
      const ways = now().branches;
      const shares = ways.map((way) => `${String(Math.round(way.share * 1000) / 10)}%`).join(" : ");
      return ways.length === 0 ? null : `over ${String(ways.length)} ways, ${shares}; a flow stays on one`;
    })
    .fact("Backup", () => {
      const spare = now().backup;
      if (now().protection === "none") return null;
      if (spare?.there == null) return "none: it would not survive a failure now";
      return `${ms(spare.there.latency_ms)} by ${spare.there.sites.slice(1, -1).map((site) => siteName(state, site)).join(", ")}`;
    })
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
