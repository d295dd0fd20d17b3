// What travels over the API, as the page reads it: the twin of the backend's `highroad.wire`, field for field.

export interface SiteOut {
  id: string;
  name: string;
  kind: string;
  lat: number;
  lon: number;
  jurisdiction: string;
  operator: string | null;
  carbon_g_per_kwh: number | null;
}

export interface FibreOut {
  id: string;
  a: string;
  b: string;
  length_km: number;
  medium: string;
  jurisdictions: string[];
  risk_groups: string[];
}

export interface LinkOut {
  id: string;
  tail: string;
  head: string;
  capacity_gbps: number;
  latency_ms: number;
  fibres: string[];
  booked_gbps: number;
}

export interface RiskGroupOut {
  id: string;
  name: string;
  failure_probability: number | null;
}

export interface NetworkOut {
  revision: number;
  name: string;
  assumptions: string[];
  sites: SiteOut[];
  fibres: FibreOut[];
  links: LinkOut[];
  risk_groups: RiskGroupOut[];
}

export interface RingOut {
  site: string;
  serves: string;
  radius_km: number;
}

export interface ReachOut {
  rtt_ms: number;
  kind: string;
  population_total: number;
  population_within: number;
  share: number;
  without: string[];
  rings: RingOut[];
  farthest: string[];
}

export interface EndOut {
  site: string;
  port: string;
  vlan: number | null;
  whole_port: boolean;
  prefixes: string[];
}

export interface PathOut {
  sites: string[];
  links: string[];
  latency_ms: number;
  length_km: number;
  jurisdictions: string[];
}

/** Both directions of one way. */
export interface WaysOut {
  there: PathOut | null;
  back: PathOut | null;
}

/** One of several ways, and its share of the rate. */
export interface BranchOut extends WaysOut {
  share: number;
}

export interface WindowOut {
  start: string;
  end: string;
}

export interface RecurrenceOut {
  rule: string;
  time_zone: string;
  start: string;
  duration_s: number;
}

export interface ServiceOut {
  id: string;
  version: number;
  state: string;
  reason: string | null;
  tenant: string;
  from: EndOut;
  to: EndOut;
  bandwidth_gbps: number;
  burst_gbps: number | null;
  latency_bound_ms: number | null;
  fence: string[] | null;
  start: string;
  end: string | null;
  /** Of several windows the next few. */
  windows: WindowOut[];
  windows_left: number;
  recurrence: RecurrenceOut | null;
  kind: string;
  traffic_class: string;
  protection: string;
  notes: string[];
  description: string;
  there: PathOut | null;
  back: PathOut | null;
  /** Every way of a service that is split; empty where one carries all. */
  branches: BranchOut[];
  backup: WaysOut | null;
  /** The rule by which it follows its load, and what came of it last. */
  autoscale: AutoscaleOut | null;
  /** Of what is held: until when. */
  hold_until: string | null;
}

export interface AutoscaleOut {
  floor_gbps: number;
  ceiling_gbps: number;
  last_step: { at: string; from_gbps: number; to_gbps: number } | null;
  last_refusal: { at: string; wanted_gbps: number; message: string } | null;
}

export interface CountersOut {
  at: string;
  offered_bytes: number;
  carried_bytes: number;
  lost_bytes: number;
  dark_ms: number;
}

export interface EntryOut {
  at: string;
  phase: string;
  text: string;
  service: string | null;
}

export interface OutageOut {
  service: string;
  /** Null where it was less than can be counted: `less_than_ms`. */
  dark_ms: number | null;
  less_than_ms?: number | null;
  healed: boolean;
}

export interface FaultOut {
  fibre: string;
  reason: string;
  since: string;
  back: string | null;
  wait_s: number;
  in_use: boolean;
}

export interface IncidentOut {
  id: string;
  open: boolean;
  title: string;
  fibres: string[];
  opened: string;
  closed: string | null;
  timeline: EntryOut[];
  outages: OutageOut[];
  faults: FaultOut[];
  unprotected: string[];
  shed: string[];
}

export interface MaintenanceOut {
  id: string;
  target: string;
  fibres: string[];
  state: string;
  started: string;
  start: string | null;
  end: string | null;
  lead_s: number;
  ended: string | null;
  moving: string[];
  moved: string[];
  stuck: string[];
  note: string;
  because: Record<string, string>;
}

export interface WhoOut {
  role: string;
  tenant: string | null;
}

export interface EventOut {
  id: string;
  type: string;
  subject: string;
  time: string;
  sequence: number;
  data: Record<string, unknown>;
}

export interface ServiceRateOut {
  state: string;
  offered_gbps: number;
  carried_gbps_there: number;
  carried_gbps_back: number;
  latency_ms_there: number | null;
  latency_ms_back: number | null;
  dark_ms: number;
  lost_bytes: number;
}

/** What figures were taken on. */
export interface Measured {
  fabric: string;
  rate_scale: number;
}

export interface SampleOut extends Measured {
  at: string;
  sequence: number;
  links: Record<string, number>;
  fibres_down: string[];
  fibres_drained: string[];
  /** In a sentence, that planned changes are frozen. */
  frozen: string | null;
  services: Record<string, ServiceRateOut>;
}

export interface Page<T> {
  items: T[];
  next_cursor: string | null;
}

export interface ProblemOut {
  title?: string;
  detail?: string;
  code?: string;
  status?: number;
}
