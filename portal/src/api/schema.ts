// What travels over the API, made from its OpenAPI document by `make format`: not to be edited.

export type None = Record<string, never>;

export interface AppliedOut {
  id: string;
  services: number;
  steps: number;
}

export interface AttemptOut {
  number: number;
  event: string;
  type: string;
  at: string;
  duration_ms: number;
  status: number | null;
  delivered: boolean;
  error: string;
  excerpt: string;
}

export interface AttemptsOut {
  items: AttemptOut[];
}

export interface AuditHeadOut {
  rows: number;
  hash: string;
}

export interface AuditPage {
  next_cursor: string | null;
  items: AuditRowOut[];
  head: AuditHeadOut | null;
}

export interface AuditRowOut {
  at: string;
  who: string | null;
  role: string;
  tenant: string | null;
  address: string | null;
  method: string;
  path: string;
  status: number;
  request: string;
  what: string;
  subject: string;
  of: string | null;
  count: number;
  sequence: number | null;
  event: number | null;
  hash: string | null;
  document: string | null;
  wrong: string | null;
}

export interface AutoscaleIn {
  floor_gbps: number;
  ceiling_gbps: number;
}

export interface AutoscaleOut {
  floor_gbps: number;
  ceiling_gbps: number;
  last_step: ScaleStepOut | null;
  last_refusal: ScaleRefusalOut | null;
}

export interface BackupOut {
  there: PathOut | null;
  back: PathOut | null;
}

export interface BindingOut {
  constraint: string;
  message: string;
  link?: string | null;
  site?: string | null;
  at?: string | null;
  available_gbps?: number | null;
  least_latency_ms?: number | null;
  outside?: string[];
  risk_groups?: string[];
  holders?: HolderOut[];
}

export interface BookedOut {
  at: string;
  until: string;
  links: Record<string, number>;
  changes: TurnOut[];
  closed: ClosingOut[];
}

export interface BranchOut {
  share: number;
  there: PathOut | null;
  back: PathOut | null;
}

export interface CapacityOut {
  from: string;
  to: string;
  latency_bound_ms: number | null;
  fence: string[] | null;
  protection: string;
  max_paths: number | null;
  step_gbps: number;
  hours: FreeOut[];
  best: FreeOut | null;
}

export interface ChangesOut {
  fabric: string;
  rate_scale: number;
  at: string;
  sequence: number;
  whole: boolean;
  fibres_down: string[];
  fibres_drained: string[];
  frozen: string | null;
  links: Record<string, number>;
  links_gone: string[];
  services: RatesOut;
  services_gone: string[];
}

export interface ClaimOut {
  service: string;
  tenant: string;
  state: string;
  use: string;
  rate_gbps: number;
  start: string | null;
  end: string | null;
}

export interface ClassOut {
  traffic_class: string;
  wanted_gbps: number;
  carried_gbps: number;
}

export interface ClosedOut {
  maintenance: string;
  target: string;
  start: string;
  end: string | null;
}

export interface ClosingOut {
  maintenance: string;
  target: string;
  start: string;
  end: string | null;
  links: string[];
}

export interface CountOut {
  services: number;
  gbps: number;
}

export type Counted = "guaranteed" | "measured";

export interface CountersOut {
  fabric: string;
  rate_scale: number;
  at: string;
  offered_bytes: number;
  carried_bytes: number;
  lost_bytes: number;
  dark_ms: number;
  offered_gbps: number;
  carried_gbps_there: number;
  carried_gbps_back: number;
  latency_ms_there: number | null;
  latency_ms_back: number | null;
}

export interface CutIn {
  fibre: string;
  silent?: boolean;
  one_way?: string | null;
  loss?: number;
}

export interface CutOut {
  fibre: string;
  since: string;
  silent: boolean;
  one_way: string | null;
  loss: number;
}

export interface DecisionOut {
  at: string;
  commit: number | null;
  network_revision: number;
  asked: string;
  bandwidth_gbps: number;
  latency_bound_ms: number | null;
  fence: string[] | null;
  protection: string;
  before: boolean;
  latency_ms: number;
  ways: WayOut[];
  rule: string;
  first_commit: number | null;
  identical: boolean;
}

export interface DifferenceOut {
  commit: number;
  what: string;
}

export interface DoingOut {
  plan: string;
  moved: number;
  services: number;
  steps_left: number;
}

export interface EchoOut {
  sequence: number;
  rtt_ms: number | null;
}

export interface EffectOut {
  service: string;
  tenant: string;
  from: string;
  to: string;
  state: string;
  bandwidth_gbps: number;
  traffic_class: string;
  outcome: string;
  unprotected: boolean;
  latency_before_ms: number | null;
  latency_after_ms: number | null;
  sites: string[];
  reason: string | null;
}

export interface EmptiedOut {
  links: string[];
  goes: GoesOut[];
  shifted: ShiftedOut[];
}

export interface EndIn {
  at: string;
  vlan?: number | null;
  whole_port?: boolean;
  prefixes?: string[];
}

export interface EndOut {
  site: string;
  port: string;
  vlan: number | null;
  whole_port: boolean;
  prefixes: string[];
}

export interface EntryOut {
  at: string;
  phase: string;
  text: string;
  service: string | null;
}

export interface EventOut {
  specversion: string;
  id: string;
  source: string;
  type: string;
  subject: string;
  time: string;
  datacontenttype: string;
  sequence: number;
  tenant: string | null;
  data: Record<string, unknown>;
}

export interface EventPage {
  next_cursor: string | null;
  items: EventOut[];
}

export interface ExplanationOut {
  service: string;
  events: HappenedOut[];
  earlier: number;
  decision: DecisionOut | null;
  missing: string;
}

export interface FaultOut {
  fibre: string;
  reason: string;
  since: string;
  back: string | null;
  wait_s: number;
  in_use: boolean;
  failed_again: number;
  repaired_at: string[];
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

export interface FilledOut {
  link: string;
  at: string;
  capacity_gbps: number;
  claimed_gbps: number;
  reserve_gbps: number;
  before_gbps: number;
  share: number;
}

export interface FindingOut {
  code: string;
  place: string;
  message: string;
  severity: string;
  line?: number | null;
}

export interface FitsOut {
  utilisation: number;
  utilisation_bound: number;
  grows_to: number | null;
  grows_to_bound: number | null;
  lost_gbps: number;
  cut_off_gbps: number;
  classes: ClassOut[];
  short: ShortOut[];
}

export interface FreeOut {
  start: string;
  end: string;
  free_gbps: number;
}

export interface FreezeIn {
  reason?: string;
}

export interface FreezeOut {
  frozen: boolean;
  since: string | null;
  reason: string;
  text: string;
}

export interface GoesOut {
  service: string;
  tenant: string;
  bandwidth_gbps: number;
  before: PathOut[];
  after: PathOut[];
  latency_before_ms: number | null;
  latency_after_ms: number | null;
  unprotected: boolean;
}

export interface GroupCutIn {
  risk_group: string;
  silent?: boolean;
  loss?: number;
}

export interface GroupCutOut {
  risk_group: string;
  name: string;
  fibres: string[];
  since: string;
  silent: boolean;
  loss: number;
}

export interface GrownOut {
  link: string;
  capacity_gbps: number;
  kept_gbps: number;
  before_gbps: number;
  share: number;
}

export interface HappenedOut {
  at: string;
  sequence: number;
  commit: number | null;
  type: string;
  data: Record<string, unknown>;
}

export interface HealthOut {
  status: string;
  version: string;
  checks: Record<string, string>;
  lag_ms: number | null;
}

export interface HolderOut {
  service: string;
  bandwidth_gbps: number;
  standby?: boolean;
}

export interface HopOut {
  site: string;
  name: string;
  link: string;
  latency_ms: number | null;
  rtt_ms: number | null;
}

export interface HostOut {
  port: string;
  site: string;
  namespace: string;
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
  protected: number;
  unprotected: string[];
  shed: string[];
}

export interface IncidentPage {
  next_cursor: string | null;
  items: IncidentOut[];
}

export interface LabOut {
  fabric: string;
  rate_scale: number;
  cuts: CutOut[];
  groups: GroupCutOut[];
  routers: RouterOut[];
  hosts: HostOut[];
}

export interface LeaderOut {
  process: string;
  epoch: number;
  since: string;
  here: boolean;
}

export interface LeftOut {
  service: string;
  why: string;
}

export interface LinkCalendarOut {
  link: string;
  tail: string;
  head: string;
  capacity_gbps: number;
  steps: StepOut[];
  holders: ClaimOut[];
  closed: ClosedOut[];
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

export interface LinksAtOut {
  fabric: string;
  rate_scale: number;
  at: string;
  step_s: number;
  links: Record<string, number>;
  down: string[];
}

export interface LoadIn {
  offered_gbps: number | null;
}

export interface LoadOut {
  service: string;
  offered_gbps: number | null;
}

export interface LocalRepairOut {
  link: string;
  fence: string[] | null;
  links: string[] | null;
  latency_ms: number | null;
}

export interface LocalRepairsOut {
  items: LocalRepairOut[];
}

export interface MaintenanceIn {
  target: string;
  start?: string | null;
  end?: string | null;
  lead_s?: number;
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
  because: Record<string, string>;
  note: string;
  would: EmptiedOut | null;
}

export interface MaintenancePage {
  next_cursor: string | null;
  items: MaintenanceOut[];
}

export interface MeasurementOut {
  way: Way;
  at: string;
  for_s: number;
  preference: number;
  list_index: number;
  in_use: boolean;
  pinned: boolean;
  sent: number;
  lost_out: number;
  lost_home: number;
  lost_unknown: number;
  late: number;
  doubled: number;
  loss: number;
  rtt_ms_min: number | null;
  rtt_ms_p50: number | null;
  rtt_ms_p99: number | null;
  rtt_ms_max: number | null;
  jitter_ms: number | null;
  jitter_ms_out: number | null;
  jitter_ms_home: number | null;
  latency_ms_out: number | null;
  latency_ms_home: number | null;
  clock_error_ms: number | null;
}

export interface MeasurementsOut {
  fabric: string;
  rate_scale: number;
  service: string;
  at: string;
  intervals: MeasurementOut[];
}

export interface MomentOut {
  carried_gbps: (number | null)[];
  down: string[];
}

export interface MomentsOut {
  fabric: string;
  rate_scale: number;
  from: string;
  to: string;
  step_s: number;
  links: string[];
  moments: MomentOut[];
}

export interface MoveOut {
  service: string;
  tenant: string;
  bandwidth_gbps: number;
  step: number;
  before: PlacedOut;
  after: PlacedOut;
}

export interface NetworkChangeOut {
  from_revision: number;
  added: string[];
  removed: string[];
  changed: string[];
  effects: ServiceEffectOut[];
  confirm: string;
  warnings?: FindingOut[];
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

export interface OfferOut {
  message: string;
  changes: Record<string, unknown>;
  order?: Record<string, unknown> | null;
  latency_ms: number;
}

export interface OptimiserOut {
  mode: string;
  every_s: number;
  least_gain: number;
  moves_per_point: number;
  waits: string;
  looked: string | null;
  doing: DoingOut | null;
  plan: PlanOut | null;
}

export interface OrderIn {
  autoscale?: AutoscaleIn | null;
  from: string | EndIn;
  to: string | EndIn;
  bandwidth_gbps?: number | null;
  burst_gbps?: number | null;
  latency_bound_ms?: number | null;
  fence?: string[] | null;
  start?: string | null;
  end?: string | null;
  windows?: WindowIn[] | null;
  recurrence?: RecurrenceIn | null;
  kind?: ServiceKind;
  traffic_class?: TrafficClass;
  protection?: Protection;
  max_paths?: number | null;
  hold_s?: number | null;
  description?: string;
}

export interface OutageOut {
  service: string;
  dark_ms: number | null;
  less_than_ms: number | null;
  healed: boolean;
}

export interface OutlookOut {
  growth: number;
  added: string[];
  cut: string[];
  at: string;
  services: number;
  wanted_gbps: number;
  planned: FitsOut;
  without: FitsOut | null;
  overloaded: number;
  fullest: GrownOut[];
  sent: SentOut | null;
}

export interface PathOut {
  sites: string[];
  links: string[];
  latency_ms: number;
  length_km: number;
  jurisdictions: string[];
}

export interface PingIn {
  count?: number;
  interval_ms?: number;
  size_bytes?: number;
}

export interface PingOut {
  fabric: string;
  rate_scale: number;
  service: string;
  at: string;
  size_bytes: number;
  echoes: EchoOut[];
  sent: number;
  received: number;
  loss: number;
  rtt_ms_min: number | null;
  rtt_ms_avg: number | null;
  rtt_ms_max: number | null;
  rtt_ms_mdev: number | null;
}

export interface PlacedOut {
  sites: string[];
  ways: number;
  backup: string[];
  latency_ms: number;
}

export interface PlanDiffOut {
  plan: PlanOut;
  links: RefilledOut[];
  moves: MoveOut[];
  left: LeftOut[];
}

export interface PlanOut {
  id: string;
  made: string;
  took_s: number;
  services: number;
  moves: number;
  steps: number;
  left: number;
  before: ScoreOut;
  after: ScoreOut;
  bound: number;
  bare_bound: number;
  bound_group: string;
  rest_bound: number;
  gap: number;
  stuck: string[];
  worth: boolean;
  verdict: string;
  stale: string[];
  applied: boolean;
  outcome: string;
}

export interface PointOut {
  min: number;
  mean: number;
  max: number;
  last: number;
  count: number;
}

export interface PortIn {
  id?: string | null;
  tenant: string;
  site: string;
  rate_gbps: number;
  mtu_bytes?: number;
}

export interface PortOut {
  id: string;
  tenant: string;
  site: string;
  rate_gbps: number;
  mtu_bytes: number;
}

export interface PortPage {
  next_cursor: string | null;
  items: PortOut[];
}

export interface PreviewOut {
  dry_run: boolean;
  service: ServiceOut;
  message: string;
  effects: string[];
}

export interface ProblemOut {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: string;
  retryable?: boolean;
  request_id?: string;
  checks?: Record<string, string>;
  findings?: FindingOut[];
  binding?: BindingOut | null;
  offers?: OfferOut[];
  confirm?: string | null;
  preview?: NetworkChangeOut | null;
}

export interface ProofEntryOut {
  service: string;
  tenant: string;
  sequence: number;
  from_s: number;
  until_s: number;
  document: string;
  hash: string;
  signature: string;
}

export interface ProofKeyOut {
  algorithm: string;
  key: string;
  fingerprint: string;
}

export interface ProofPage {
  next_cursor: string | null;
  items: ProofEntryOut[];
}

export type Protection = "none" | "path";

export interface QuotaIn {
  services?: number | null;
  gbps?: number | null;
  ports?: number | null;
  tokens?: number | null;
  webhooks?: number | null;
  holds?: number | null;
}

export interface QuotaOut {
  services: UsedOut;
  gbps: UsedRateOut;
  ports: UsedOut;
  tokens: UsedOut;
  webhooks: UsedOut;
  holds: UsedOut;
}

export interface RatesOut {
  services: string[];
  state: string[];
  offered_gbps: number[];
  carried_gbps_there: number[];
  carried_gbps_back: number[];
  latency_ms_there: (number | null)[];
  latency_ms_back: (number | null)[];
  dark_ms: number[];
  lost_bytes: number[];
}

export interface ReachOut {
  rtt_ms: number;
  kind: string;
  population_total: number;
  population_within: number;
  share: number;
  without: string[];
  by_site: Record<string, number>;
  rings: RingOut[];
  farthest: string[];
}

export interface RecurrenceIn {
  rule: string;
  time_zone: string;
  start: string;
  duration_s: number;
}

export interface RecurrenceOut {
  rule: string;
  time_zone: string;
  start: string;
  duration_s: number;
}

export interface RefilledOut {
  link: string;
  capacity_gbps: number;
  before_gbps: number;
  after_gbps: number;
  price: number;
}

export interface ReplayIn {
  after?: number | null;
  from?: string | null;
}

export interface ReplayOut {
  incident: string;
  identical: boolean;
  first_commit: number;
  opened_commit: number;
  closed_commit: number | null;
  last_commit: number;
  commits: number;
  decisions: number;
  asked: number;
  differences: DifferenceOut[];
  stopped: string;
  timeline: ReplayedOut[];
  more: number;
}

export interface ReplayedOut {
  at: string;
  commit: number;
  what: string;
  text: string;
  service: string | null;
}

export interface RingOut {
  site: string;
  serves: string;
  radius_km: number;
}

export interface RiskGroupOut {
  id: string;
  name: string;
  failure_probability: number | null;
}

export interface RotateIn {
  overlap_s?: number;
}

export interface RouterDownIn {
  site: string;
  silent?: boolean;
}

export interface RouterOut {
  site: string;
  name: string;
  up: boolean;
  killed: string | null;
  note: string;
  silent: boolean;
}

export interface SampleOut {
  fabric: string;
  rate_scale: number;
  at: string;
  sequence: number;
  links: Record<string, number>;
  fibres_down: string[];
  fibres_drained: string[];
  frozen: string | null;
  services: Record<string, ServiceRateOut>;
}

export interface ScaleRefusalOut {
  at: string;
  wanted_gbps: number;
  message: string;
}

export interface ScaleStepOut {
  at: string;
  from_gbps: number;
  to_gbps: number;
}

export interface ScoreOut {
  utilisation: number;
  rest: number;
  latency_ms: number;
}

export interface SentLinkOut {
  link: string;
  capacity_gbps: number;
  sent_gbps: number;
  before_gbps: number;
  share: number;
}

export interface SentOut {
  over_s: number;
  quantile: number;
  services: number;
  guessed: number;
  sent_gbps: number;
  overloaded: number;
  fullest: SentLinkOut[];
  planned: FitsOut | null;
  without: FitsOut | null;
}

export interface ServiceChangeIn {
  from?: string | EndIn | null;
  to?: string | EndIn | null;
  bandwidth_gbps?: number | null;
  burst_gbps?: number | null;
  latency_bound_ms?: number | null;
  fence?: string[] | null;
  start?: string | null;
  end?: string | null;
  windows?: WindowIn[] | null;
  recurrence?: RecurrenceIn | null;
  traffic_class?: TrafficClass | null;
  protection?: Protection | null;
  max_paths?: number | null;
  autoscale?: AutoscaleIn | null;
  description?: string | null;
}

export interface ServiceEffectOut {
  service: string;
  tenant: string;
  effect: string;
  message: string;
}

export type ServiceKind = "ip" | "ethernet";

export interface ServiceOut {
  id: string;
  version: number;
  state: State;
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
  windows: WindowOut[];
  windows_left: number;
  recurrence: RecurrenceOut | null;
  kind: ServiceKind;
  traffic_class: TrafficClass;
  protection: Protection;
  max_paths: number;
  notes: string[];
  description: string;
  there: PathOut | null;
  back: PathOut | null;
  branches: BranchOut[];
  backup: BackupOut | null;
  autoscale: AutoscaleOut | null;
  unrepairable_links: string[];
  availability: number | null;
  hold_until: string | null;
  created: string;
  changed: string;
}

export interface ServicePage {
  next_cursor: string | null;
  items: ServiceOut[];
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

export interface SessionIn {
  token?: string | null;
  code?: string | null;
}

export interface ShiftedOut {
  link: string;
  capacity_gbps: number;
  before_gbps: number;
  after_gbps: number;
}

export interface ShortOut {
  from: string;
  to: string;
  gbps: number;
}

export interface SignInOut {
  openid: boolean;
}

export type SiteKind = "campus" | "cloud" | "edge" | "enterprise" | "pop";

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

export type State = "REQUESTED" | "REJECTED" | "HELD" | "INVITED" | "RESERVED" | "CANCELLED" | "EXPIRED" | "ACTIVATING" | "FAILED" | "ACTIVE" | "DEGRADED" | "SUSPENDED" | "TERMINATED";

export interface StepOut {
  start: string;
  end: string;
  claimed_gbps: number;
  reserve_gbps: number;
  free_gbps: number;
  capacity_gbps: number;
}

export interface TenantIn {
  id: string;
  name: string;
}

export interface TenantOut {
  id: string;
  name: string;
  quota: QuotaOut;
}

export interface TenantPage {
  next_cursor: string | null;
  items: TenantOut[];
}

export interface TokenIn {
  tenant?: string | null;
  label?: string;
  role?: "operator" | "engineer" | "admin" | "member" | "viewer" | null;
  scopes?: string[] | null;
  expires_s?: number | null;
}

export interface TokenIssuedOut {
  id: string;
  tenant: string | null;
  label: string;
  created: string;
  revoked: string | null;
  role: string;
  scopes: string[] | null;
  expires: string | null;
  used: string | null;
  issued_by: string | null;
  token: string;
}

export interface TokenOut {
  id: string;
  tenant: string | null;
  label: string;
  created: string;
  revoked: string | null;
  role: string;
  scopes: string[] | null;
  expires: string | null;
  used: string | null;
  issued_by: string | null;
}

export interface TokenPage {
  next_cursor: string | null;
  items: TokenOut[];
}

export interface TraceOut {
  fabric: string;
  rate_scale: number;
  service: string;
  at: string;
  there: TraceWayOut;
  back: TraceWayOut;
}

export interface TraceWayOut {
  site: string;
  name: string;
  hops: HopOut[];
}

export interface TrackOut {
  name: string;
  series: string;
  about: string;
  summed: boolean;
  points: (PointOut | null)[];
}

export interface TracksOut {
  fabric: string;
  rate_scale: number;
  from: string;
  to: string;
  step_s: number;
  tracks: TrackOut[];
}

export type TrafficClass = "interactive" | "assured" | "bulk" | "scavenger";

export interface TurnOut {
  at: string;
  links: Record<string, number>;
}

export interface UsedOut {
  used: number;
  allowed: number | null;
}

export interface UsedRateOut {
  used: number;
  allowed: number | null;
}

export type Way = "there" | "back";

export interface WayOut {
  sites: string[];
  latency_ms: number | null;
  verdict: string;
  text: string;
}

export interface WebhookChangeIn {
  url?: string | null;
  kinds?: string[] | null;
  description?: string | null;
  enabled?: boolean | null;
}

export interface WebhookIn {
  url: string;
  kinds?: string[];
  from?: "now" | "beginning" | number;
  description?: string;
  tenant?: string | null;
}

export interface WebhookMadeOut {
  id: string;
  tenant: string | null;
  url: string;
  kinds: string[];
  description: string;
  created: string;
  state: string;
  cursor: number;
  lag: number;
  failures: number;
  failing_since: string | null;
  last_error: string;
  delivered: string | null;
  disabled: string | null;
  disabled_because: string;
  old_secret_until: string | null;
  secret: string;
}

export interface WebhookOut {
  id: string;
  tenant: string | null;
  url: string;
  kinds: string[];
  description: string;
  created: string;
  state: string;
  cursor: number;
  lag: number;
  failures: number;
  failing_since: string | null;
  last_error: string;
  delivered: string | null;
  disabled: string | null;
  disabled_because: string;
  old_secret_until: string | null;
}

export interface WebhookPage {
  next_cursor: string | null;
  items: WebhookOut[];
}

export interface WebhookTestOut {
  delivered: boolean;
  status: number | null;
  duration_ms: number;
  error: string;
  excerpt: string;
}

export interface WhatIfOut {
  cut: string;
  fibres: string[];
  links: string[];
  services: number;
  counts: Record<string, CountOut>;
  effects: EffectOut[];
  fullest: FilledOut[];
  oversold: string[];
  at_rest: boolean;
  sent: SentOut | null;
}

export interface WhoOut {
  role: string;
  tenant: string | null;
  scopes: string[] | null;
  expires: string | null;
  leader: LeaderOut | null;
}

export interface WindowIn {
  start: string;
  end: string;
}

export interface WindowOut {
  start: string;
  end: string;
}

/** Every operation: what goes into its path and query, what its body is, what it answers. */
export interface Calls {
  "GET /healthz": { path: None; query: None; body: undefined; answer: HealthOut; };
  "GET /metrics": { path: None; query: None; body: undefined; answer: undefined; };
  "GET /readyz": { path: None; query: None; body: undefined; answer: HealthOut; };
  "GET /v1/audit": { path: None; query: { limit?: number; cursor?: string | null; }; body: undefined; answer: AuditPage; };
  "GET /v1/capacity": { path: None; query: { from: string; to: string; start?: string | null; hours?: number; latency_bound_ms?: number | null; fence?: string[] | null; protection?: Protection; max_paths?: number | null; }; body: undefined; answer: CapacityOut; };
  "GET /v1/events": { path: None; query: { after?: number | null; limit?: number; subject?: string | null; }; body: undefined; answer: EventPage; };
  "GET /v1/freeze": { path: None; query: None; body: undefined; answer: FreezeOut; };
  "PUT /v1/freeze": { path: None; query: None; body: FreezeIn; answer: FreezeOut; };
  "DELETE /v1/freeze": { path: None; query: None; body: undefined; answer: FreezeOut; };
  "GET /v1/incidents": { path: None; query: { limit?: number; cursor?: string | null; }; body: undefined; answer: IncidentPage; };
  "GET /v1/incidents/{incident_id}": { path: { incident_id: string; }; query: None; body: undefined; answer: IncidentOut; };
  "GET /v1/incidents/{incident_id}/replay": { path: { incident_id: string; }; query: None; body: undefined; answer: ReplayOut; };
  "GET /v1/lab": { path: None; query: None; body: undefined; answer: LabOut; };
  "POST /v1/lab/cuts": { path: None; query: None; body: CutIn; answer: CutOut; };
  "DELETE /v1/lab/cuts/{fibre}": { path: { fibre: string; }; query: None; body: undefined; answer: LabOut; };
  "POST /v1/lab/groups-cut": { path: None; query: None; body: GroupCutIn; answer: GroupCutOut; };
  "DELETE /v1/lab/groups-cut/{group}": { path: { group: string; }; query: None; body: undefined; answer: LabOut; };
  "PUT /v1/lab/loads/{service_id}": { path: { service_id: string; }; query: None; body: LoadIn; answer: LoadOut; };
  "POST /v1/lab/routers-down": { path: None; query: None; body: RouterDownIn; answer: RouterOut; };
  "DELETE /v1/lab/routers-down/{site}": { path: { site: string; }; query: None; body: undefined; answer: LabOut; };
  "GET /v1/links/booked": { path: None; query: { at: string; until?: string | null; }; body: undefined; answer: BookedOut; };
  "GET /v1/links/{link}/calendar": { path: { link: string; }; query: { start?: string | null; end?: string | null; }; body: undefined; answer: LinkCalendarOut; };
  "GET /v1/live": { path: None; query: { after?: number | null; changes?: boolean; }; body: undefined; answer: undefined; };
  "GET /v1/maintenances": { path: None; query: { limit?: number; cursor?: string | null; }; body: undefined; answer: MaintenancePage; };
  "POST /v1/maintenances": { path: None; query: { dry_run?: boolean; }; body: MaintenanceIn; answer: MaintenanceOut; };
  "GET /v1/maintenances/{maintenance_id}": { path: { maintenance_id: string; }; query: None; body: undefined; answer: MaintenanceOut; };
  "DELETE /v1/maintenances/{maintenance_id}": { path: { maintenance_id: string; }; query: None; body: undefined; answer: MaintenanceOut; };
  "GET /v1/network": { path: None; query: None; body: undefined; answer: NetworkOut; };
  "PUT /v1/network": { path: None; query: { dry_run?: boolean; confirm?: string | null; }; body: unknown; answer: NetworkChangeOut; };
  "GET /v1/network/repairs": { path: None; query: None; body: undefined; answer: LocalRepairsOut; };
  "GET /v1/plan": { path: None; query: None; body: undefined; answer: OptimiserOut; };
  "GET /v1/plan/{plan_id}": { path: { plan_id: string; }; query: None; body: undefined; answer: PlanDiffOut; };
  "POST /v1/plan/{plan_id}/apply": { path: { plan_id: string; }; query: None; body: undefined; answer: AppliedOut; };
  "GET /v1/ports": { path: None; query: { limit?: number; cursor?: string | null; }; body: undefined; answer: PortPage; };
  "POST /v1/ports": { path: None; query: None; body: PortIn; answer: PortOut; };
  "GET /v1/proofs/key": { path: None; query: None; body: undefined; answer: ProofKeyOut; };
  "GET /v1/proofs/services/{service_id}": { path: { service_id: string; }; query: { limit?: number; cursor?: string | null; from?: string | null; to?: string | null; }; body: undefined; answer: ProofPage; };
  "GET /v1/reach": { path: None; query: { rtt_ms: number; kind?: SiteKind; without?: string[] | null; }; body: undefined; answer: ReachOut; };
  "GET /v1/services": { path: None; query: { limit?: number; cursor?: string | null; state?: State | null; tenant?: string | null; live?: boolean; }; body: undefined; answer: ServicePage; };
  "POST /v1/services": { path: None; query: { dry_run?: boolean; tenant?: string | null; }; body: OrderIn; answer: ServiceOut | PreviewOut; };
  "GET /v1/services/{service_id}": { path: { service_id: string; }; query: None; body: undefined; answer: ServiceOut; };
  "PATCH /v1/services/{service_id}": { path: { service_id: string; }; query: { dry_run?: boolean; }; body: ServiceChangeIn; answer: ServiceOut | PreviewOut; };
  "DELETE /v1/services/{service_id}": { path: { service_id: string; }; query: None; body: undefined; answer: ServiceOut; };
  "POST /v1/services/{service_id}/confirm": { path: { service_id: string; }; query: None; body: undefined; answer: ServiceOut; };
  "GET /v1/services/{service_id}/counters": { path: { service_id: string; }; query: None; body: undefined; answer: CountersOut; };
  "GET /v1/services/{service_id}/explanation": { path: { service_id: string; }; query: { at?: number | null; }; body: undefined; answer: ExplanationOut; };
  "GET /v1/services/{service_id}/measurements": { path: { service_id: string; }; query: None; body: undefined; answer: MeasurementsOut; };
  "POST /v1/services/{service_id}/ping": { path: { service_id: string; }; query: None; body: PingIn; answer: PingOut; };
  "POST /v1/services/{service_id}/trace": { path: { service_id: string; }; query: None; body: undefined; answer: TraceOut; };
  "GET /v1/session": { path: None; query: None; body: undefined; answer: WhoOut; };
  "POST /v1/session": { path: None; query: None; body: SessionIn; answer: WhoOut; };
  "DELETE /v1/session": { path: None; query: None; body: undefined; answer: undefined; };
  "GET /v1/session/openid": { path: None; query: None; body: undefined; answer: undefined; };
  "GET /v1/session/openid/return": { path: None; query: { code?: string; state?: string; error?: string; }; body: undefined; answer: undefined; };
  "GET /v1/session/ways": { path: None; query: None; body: undefined; answer: SignInOut; };
  "GET /v1/telemetry/links": { path: None; query: { at: string; }; body: undefined; answer: LinksAtOut; };
  "GET /v1/telemetry/links/{link}": { path: { link: string; }; query: { from?: string | null; to?: string | null; step_s?: number | null; series?: string[] | null; }; body: undefined; answer: TracksOut; };
  "GET /v1/telemetry/moments": { path: None; query: { from: string; to: string; step_s?: number | null; }; body: undefined; answer: MomentsOut; };
  "GET /v1/telemetry/services/{service_id}": { path: { service_id: string; }; query: { from?: string | null; to?: string | null; step_s?: number | null; series?: string[] | null; }; body: undefined; answer: TracksOut; };
  "GET /v1/telemetry/services/{service_id}/paths": { path: { service_id: string; }; query: { from?: string | null; to?: string | null; step_s?: number | null; series?: string[] | null; }; body: undefined; answer: TracksOut; };
  "GET /v1/tenants": { path: None; query: { limit?: number; cursor?: string | null; }; body: undefined; answer: TenantPage; };
  "POST /v1/tenants": { path: None; query: None; body: TenantIn; answer: TenantOut; };
  "GET /v1/tenants/{tenant_id}": { path: { tenant_id: string; }; query: None; body: undefined; answer: TenantOut; };
  "PATCH /v1/tenants/{tenant_id}/quota": { path: { tenant_id: string; }; query: None; body: QuotaIn; answer: TenantOut; };
  "GET /v1/tokens": { path: None; query: { limit?: number; cursor?: string | null; }; body: undefined; answer: TokenPage; };
  "POST /v1/tokens": { path: None; query: None; body: TokenIn; answer: TokenIssuedOut; };
  "DELETE /v1/tokens/{token_id}": { path: { token_id: string; }; query: None; body: undefined; answer: undefined; };
  "GET /v1/webhooks": { path: None; query: { limit?: number; cursor?: string | null; }; body: undefined; answer: WebhookPage; };
  "POST /v1/webhooks": { path: None; query: None; body: WebhookIn; answer: WebhookMadeOut; };
  "GET /v1/webhooks/{webhook_id}": { path: { webhook_id: string; }; query: None; body: undefined; answer: WebhookOut; };
  "PATCH /v1/webhooks/{webhook_id}": { path: { webhook_id: string; }; query: None; body: WebhookChangeIn; answer: WebhookOut; };
  "DELETE /v1/webhooks/{webhook_id}": { path: { webhook_id: string; }; query: None; body: undefined; answer: undefined; };
  "GET /v1/webhooks/{webhook_id}/deliveries": { path: { webhook_id: string; }; query: None; body: undefined; answer: AttemptsOut; };
  "POST /v1/webhooks/{webhook_id}/replay": { path: { webhook_id: string; }; query: None; body: ReplayIn; answer: WebhookOut; };
  "POST /v1/webhooks/{webhook_id}/rotate": { path: { webhook_id: string; }; query: None; body: RotateIn; answer: WebhookMadeOut; };
  "POST /v1/webhooks/{webhook_id}/test": { path: { webhook_id: string; }; query: None; body: undefined; answer: WebhookTestOut; };
  "GET /v1/whatif": { path: None; query: { cut: string; load?: Counted; over_s?: number; quantile?: number; }; body: undefined; answer: WhatIfOut; };
  "GET /v1/whatif/outlook": { path: None; query: { grow?: number; add?: string[] | null; cut?: string[] | null; load?: Counted; over_s?: number; quantile?: number; }; body: undefined; answer: OutlookOut; };
}
