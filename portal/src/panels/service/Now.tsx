// The facts of a service: what was promised, what is so now, and the way it goes.
import { ask } from "../../api/client";
import type { PathOut, ServiceOut } from "../../api/schema";
import { useStore } from "../../page";
import { useAsked } from "../../parts/asked";
import { Facts } from "../../parts/Facts";
import { Items, type Item } from "../../parts/Items";
import { Part } from "../../parts/Part";
import { named } from "../../state/naming";
import { stateNow } from "../../state/services";
import { siteName, type State } from "../../state/store";
import { t } from "../../words/en";
import { bytes, exactPercent, gbps, km, ms, period, time } from "../../words/figures";

/** How often the counters of a service that one looks at are read. */
const COUNTERS_MS = 4000;

export function Now({ id }: { id: string }) {
  const store = useStore();
  const service = store.services.get(id);
  if (service === undefined) return null;
  const rate = store.sample?.services[id];
  const bound = service.latency_bound_ms === null ? t.service.noBound : t.service.atMost(ms(service.latency_bound_ms));
  const there = rate === undefined ? service.there?.latency_ms : rate.latency_ms_there;
  const back = rate === undefined ? service.back?.latency_ms : rate.latency_ms_back;
  return (
    <>
      <Promised of={service} />
      <Part title={t.service.now}>
        <Facts
          of={[
            [t.service.carriedThere, rate === undefined ? null : gbps(rate.carried_gbps_there)],
            [t.service.carriedBack, rate === undefined ? null : gbps(rate.carried_gbps_back)],
            [t.service.latency, t.service.latencyIs(ms(there), ms(back), bound)],
            [t.service.dark, rate === undefined ? null : ms(rate.dark_ms)],
            [t.service.lost, rate === undefined ? null : bytes(rate.lost_bytes)],
            [t.service.carried, counting(store, service) ? <Counted key="counted" id={id} /> : null],
          ]}
        />
      </Part>
      <Items stops title={t.service.there} empty={t.service.noPath} of={stops(store, service.there)} />
      <Items stops title={t.service.back} empty={t.service.noPath} of={stops(store, service.back)} />
    </>
  );
}

function Promised({ of: service }: { of: ServiceOut }) {
  const store = useStore();
  return (
    <Facts
      of={[
        [t.service.why, service.reason === null ? null : named(store, service.reason)],
        [t.service.tenant, service.tenant],
        [t.service.guaranteed, t.service.eachWay(gbps(service.bandwidth_gbps))],
        [t.service.burst, service.burst_gbps === null ? null : t.service.upTo(gbps(service.burst_gbps))],
        [t.service.follows, follows(service)],
        [t.service.class, t.service.classIs(service.traffic_class, service.protection === "none")],
        [t.service.fence, service.fence?.join(", ") ?? t.service.noFence],
        [t.service.availability, service.availability === null ? null : exactPercent(service.availability)],
        [t.service.heldUntil, service.hold_until === null ? null : t.service.held(time(service.hold_until))],
        [t.service.window, period(service.start, service.end)],
        [t.service.repeats, service.recurrence === null ? null : t.service.byClocks(service.recurrence.rule, service.recurrence.time_zone)],
        [t.service.next, next(service)],
        [t.service.note, service.notes.length === 0 ? null : service.notes.join(" ")],
        [t.service.split, split(service)],
        [t.service.backup, backup(store, service)],
      ]}
    />
  );
}

function Counted({ id }: { id: string }) {
  const asked = useAsked(
    id,
    (signal) => ask("GET /v1/services/{service_id}/counters", { path: { service_id: id }, signal }),
    COUNTERS_MS,
  );
  return <>{asked.state === "here" ? bytes(asked.value.carried_bytes) : "…"}</>;
}

function follows({ autoscale: rule }: ServiceOut): string | null {
  if (rule === null) return null;
  const no = rule.last_refusal;
  const lately = no !== null && (rule.last_step === null || no.at >= rule.last_step.at);
  const range = t.service.between(gbps(rule.floor_gbps), gbps(rule.ceiling_gbps));
  return lately ? range + t.service.refused(gbps(no.wanted_gbps), no.message) : range;
}

function next({ windows: [first], windows_left: left }: ServiceOut): string | null {
  return first === undefined ? null : period(first.start, first.end) + t.service.andMore(left - 1);
}

function split({ branches }: ServiceOut): string | null {
  if (branches.length === 0) return null;
  const shares = branches.map((way) => `${String(Math.round(way.share * 1000) / 10)}%`).join(" : ");
  return t.service.splitIs(branches.length, shares);
}

function backup(state: State, { protection, backup: spare }: ServiceOut): string | null {
  if (protection === "none") return null;
  if (spare?.there == null) return t.service.noBackup;
  const by = spare.there.sites.slice(1, -1).map((site) => siteName(state, site));
  return t.service.backupIs(ms(spare.there.latency_ms), by.join(", "));
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
  return now === "ACTIVE" || now === "DEGRADED";
}
