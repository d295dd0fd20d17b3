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
  kind: string;
  traffic_class: string;
  protection: string;
  description: string;
  there: PathOut | null;
  back: PathOut | null;
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
  dark_ms: number;
  healed: boolean;
}

export interface IncidentOut {
  id: string;
  open: boolean;
  fibres: string[];
  opened: string;
  closed: string | null;
  timeline: EntryOut[];
  outages: OutageOut[];
}

export interface MaintenanceOut {
  id: string;
  target: string;
  fibres: string[];
  state: string;
  started: string;
  ended: string | null;
  moved: string[];
  stuck: string[];
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
