// What tests are made of: things as the API would send them, with everything that they have to have.
import type { ChangesOut, FibreOut, IncidentOut, LinkOut, MaintenanceOut, NetworkOut, SampleOut, ServiceOut, ServiceRateOut, SiteOut, WhoOut } from "../src/api/schema";

export const OPERATOR: WhoOut = { role: "operator", tenant: null, scopes: null, expires: null, leader: null };
export const MEMBER: WhoOut = { ...OPERATOR, role: "member", tenant: "acme" };

export const site = (id: string, more: Partial<SiteOut> = {}): SiteOut => ({
  id,
  name: id,
  kind: "pop",
  lat: 0,
  lon: 0,
  jurisdiction: "GA",
  operator: null,
  carbon_g_per_kwh: null,
  ...more,
});

export const fibre = (id: string, a: string, b: string, risk_groups: string[] = []): FibreOut => ({
  id,
  a,
  b,
  length_km: 1,
  medium: "smf",
  jurisdictions: [],
  risk_groups,
});

export const link = (tail: string, head: string, more: Partial<LinkOut> = {}): LinkOut => ({
  id: `${tail}>${head}`,
  tail,
  head,
  capacity_gbps: 400,
  latency_ms: 1,
  fibres: [],
  booked_gbps: 0,
  ...more,
});

export const network = (more: Partial<NetworkOut> = {}): NetworkOut => ({
  revision: 1,
  name: "test",
  assumptions: [],
  sites: [],
  fibres: [],
  links: [],
  risk_groups: [],
  ...more,
});

export const sample = (more: Partial<SampleOut> = {}): SampleOut => ({
  fabric: "twin",
  rate_scale: 1,
  at: "2026-01-01T00:00:00Z",
  sequence: 1,
  links: {},
  fibres_down: [],
  fibres_drained: [],
  frozen: null,
  services: {},
  ...more,
});

export const rate = (state: string, there: number, back: number): ServiceRateOut => ({
  state,
  offered_gbps: there,
  carried_gbps_there: there,
  carried_gbps_back: back,
  latency_ms_there: null,
  latency_ms_back: null,
  dark_ms: 0,
  lost_bytes: 0,
});

/** What of a sample has changed; `rates` of services, as a sample has them. */
export const changes = ({ rates = {}, ...more }: Partial<Omit<ChangesOut, "services">> & { rates?: Record<string, ServiceRateOut> }): ChangesOut => {
  const { links, services: _, ...rest } = sample();
  const all = Object.values(rates);
  return {
    ...rest,
    links,
    whole: false,
    links_gone: [],
    services_gone: [],
    services: {
      services: Object.keys(rates),
      state: all.map((one) => one.state),
      offered_gbps: all.map((one) => one.offered_gbps),
      carried_gbps_there: all.map((one) => one.carried_gbps_there),
      carried_gbps_back: all.map((one) => one.carried_gbps_back),
      latency_ms_there: all.map((one) => one.latency_ms_there),
      latency_ms_back: all.map((one) => one.latency_ms_back),
      dark_ms: all.map((one) => one.dark_ms),
      lost_bytes: all.map((one) => one.lost_bytes),
    },
    ...more,
  };
};

const end = (at: string): ServiceOut["from"] => ({ site: at, port: `p-${at}`, vlan: null, whole_port: false, prefixes: [] });
export const path = (links: string[], sites: string[] = []): NonNullable<ServiceOut["there"]> => ({
  sites,
  links,
  latency_ms: 1,
  length_km: 1,
  jurisdictions: [],
});

export const service = (id: string, state: ServiceOut["state"], links: string[] = [], more: Partial<ServiceOut> = {}): ServiceOut => ({
  id,
  version: 1,
  state,
  reason: null,
  tenant: "acme",
  from: end("a"),
  to: end("b"),
  bandwidth_gbps: 100,
  burst_gbps: null,
  latency_bound_ms: null,
  fence: null,
  start: "2026-01-01T00:00:00Z",
  end: null,
  windows: [],
  windows_left: 1,
  autoscale: null,
  hold_until: null,
  recurrence: null,
  kind: "ip",
  traffic_class: "assured",
  protection: "none",
  max_paths: 1,
  notes: [],
  description: "",
  there: path(links),
  back: null,
  branches: [],
  backup: null,
  unrepairable_links: [],
  availability: null,
  created: "2026-01-01T00:00:00Z",
  changed: "2026-01-01T00:00:00Z",
  ...more,
});

export const incident = (id: string, more: Partial<IncidentOut> = {}): IncidentOut => ({
  id,
  open: true,
  title: id,
  fibres: [],
  opened: "2026-01-01T00:00:00Z",
  closed: null,
  timeline: [],
  outages: [],
  faults: [],
  protected: 0,
  unprotected: [],
  shed: [],
  ...more,
});

export const maintenance = (id: string, more: Partial<MaintenanceOut> = {}): MaintenanceOut => ({
  id,
  target: id,
  fibres: [],
  state: "BOOKED",
  started: "2026-01-01T00:00:00Z",
  start: null,
  end: null,
  lead_s: 0,
  ended: null,
  moving: [],
  moved: [],
  stuck: [],
  because: {},
  note: "",
  would: null,
  ...more,
});
