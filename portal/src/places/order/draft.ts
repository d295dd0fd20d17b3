// An order while it is written: what is in the form as it was typed, what of it is sent, and which of the API's findings is
// of which field. Nothing is judged here: what is no number is sent as it is, and the API says so, all of it at once.
import type { OrderIn, ProblemOut, ServiceChangeIn, ServiceOut } from "../../api/schema";

/** By the viewer's clock, as an input of the type `datetime-local` has it; empty is now, or an open end. */
export interface Span {
  start: string;
  end: string;
}

export const WHENS = ["now", "window", "again"] as const;
export type When = (typeof WHENS)[number];

export interface Draft {
  from: string;
  to: string;
  tenant: string;
  rate: string;
  burst: string;
  latency: string;
  fence: string;
  when: When;
  spans: readonly Span[];
  rule: string;
  zone: string;
  first: string;
  hours: string;
  traffic_class: string;
  protected: boolean;
  kind: string;
  paths: string;
  floor: string;
  ceiling: string;
  from_vlan: string;
  to_vlan: string;
  from_prefixes: string;
  to_prefixes: string;
  description: string;
}

/** Fields by the place that the API calls them by. */
export const FIELDS = [
  "from",
  "to",
  "bandwidth_gbps",
  "burst_gbps",
  "latency_bound_ms",
  "fence",
  "start",
  "end",
  "recurrence.rule",
  "recurrence.time_zone",
  "recurrence.start",
  "recurrence.duration_s",
  "traffic_class",
  "protection",
  "kind",
  "max_paths",
  "autoscale.floor_gbps",
  "autoscale.ceiling_gbps",
  "from.vlan",
  "to.vlan",
  "from.prefixes",
  "to.prefixes",
  "description",
] as const;
/** Those that the form shows when one asks for more. */
export const MORE: ReadonlySet<string> = new Set(FIELDS.slice(FIELDS.indexOf("kind")));
const NEEDED = ["from", "to", "rate"] as const;

export const DAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"] as const;
export const WEEKDAYS = "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR";

export function empty(): Draft {
  return {
    from: "",
    to: "",
    tenant: "",
    rate: "100",
    burst: "",
    latency: "",
    fence: "",
    when: "now",
    spans: [{ start: "", end: "" }],
    rule: WEEKDAYS,
    zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    first: "",
    hours: "6",
    traffic_class: "assured",
    protected: false,
    kind: "ip",
    paths: "",
    floor: "",
    ceiling: "",
    from_vlan: "",
    to_vlan: "",
    from_prefixes: "",
    to_prefixes: "",
    description: "",
  };
}

/** Whether there is enough of it to ask; `known` are the ends that there are. */
export function whole(draft: Draft, known: ReadonlySet<string>): boolean {
  return known.has(draft.from) && known.has(draft.to) && (draft.rate.trim() !== "" || draft.floor.trim() !== "");
}

/** What cannot be left empty, by the API's places. */
export function missing(draft: Draft): string[] {
  const autoscaled = draft.floor.trim() !== "" || draft.ceiling.trim() !== "";
  return NEEDED.filter((name) => draft[name].trim() === "" && !(name === "rate" && autoscaled)).map((name) =>
    name === "rate" ? "bandwidth_gbps" : name,
  );
}

/** The order as it is sent; what was left empty is left out. */
export function orderOf(draft: Draft): OrderIn {
  const fence = words(draft.fence).map((one) => one.toUpperCase());
  const order: Record<string, unknown> = {
    from: endOf(draft.from, draft.from_vlan, draft.from_prefixes),
    to: endOf(draft.to, draft.to_vlan, draft.to_prefixes),
    traffic_class: draft.traffic_class,
    protection: draft.protected ? "path" : "none",
    ...timesOf(draft),
    ...some("bandwidth_gbps", number(draft.rate)),
    ...some("burst_gbps", number(draft.burst)),
    ...some("latency_bound_ms", number(draft.latency)),
    ...some("fence", fence.length === 0 ? undefined : fence),
    ...some("autoscale", autoscaleOf(draft)),
    ...some("max_paths", number(draft.paths)),
    ...some("kind", draft.kind === "ip" ? undefined : draft.kind),
    ...some("description", draft.description.trim() === "" ? undefined : draft.description.trim()),
  };
  return order as unknown as OrderIn;
}

/** A service as the form would have it. */
export function draftOf(service: ServiceOut): Draft {
  const { recurrence } = service;
  const times = service.windows.length > 1 ? service.windows : [service];
  const text = (value: number | null): string => (value === null ? "" : String(value));
  const several = recurrence === null && service.windows.length > 1;
  return {
    ...empty(),
    from: service.from.port,
    to: service.to.port,
    tenant: service.tenant,
    rate: text(service.bandwidth_gbps),
    burst: text(service.burst_gbps),
    latency: text(service.latency_bound_ms),
    fence: service.fence?.join(", ") ?? "",
    when: recurrence !== null ? "again" : several || service.end !== null || Date.parse(service.start) > Date.now() ? "window" : "now",
    spans: times.map(({ start, end }) => ({ start: local(start), end: end === null ? "" : local(end) })),
    ...(recurrence === null
      ? {}
      : {
          rule: recurrence.rule,
          zone: recurrence.time_zone,
          first: recurrence.start.slice(0, 16),
          hours: String(recurrence.duration_s / 3600),
        }),
    traffic_class: service.traffic_class,
    protected: service.protection === "path",
    kind: service.kind,
    paths: String(service.max_paths),
    floor: text(service.autoscale?.floor_gbps ?? null),
    ceiling: text(service.autoscale?.ceiling_gbps ?? null),
    from_vlan: text(service.from.vlan),
    to_vlan: text(service.to.vlan),
    from_prefixes: service.from.prefixes.join(", "),
    to_prefixes: service.to.prefixes.join(", "),
    description: service.description,
  };
}

/** What differs, as a change in place says it: what was emptied is null, which is none. */
export function changeOf(before: Draft, after: Draft): ServiceChangeIn {
  const [was, is] = [orderOf(before), orderOf(after)] as unknown as Record<string, unknown>[];
  const change: Record<string, unknown> = {};
  for (const name of new Set([...Object.keys(was ?? {}), ...Object.keys(is ?? {})])) {
    if (JSON.stringify(was?.[name]) === JSON.stringify(is?.[name])) continue;
    change[name] = is?.[name] ?? (name === "description" ? "" : null);
  }
  // A rate that follows the load is the rule's; and times come in one of three ways, of which one is said.
  if ("autoscale" in change && change["autoscale"] !== null) delete change["bandwidth_gbps"];
  if (change["recurrence"] != null || change["windows"] != null) for (const name of ["start", "end"]) delete change[name];
  const open = !("start" in change) && !("end" in change) && change["windows"] == null && change["recurrence"] == null;
  if (open && (change["recurrence"] === null || change["windows"] === null)) change["end"] = null;
  if (change["recurrence"] === null) delete change["recurrence"];
  if (change["windows"] === null) delete change["windows"];
  if (change["start"] === null) delete change["start"];
  return change as ServiceChangeIn;
}

/** What is wrong, beside its field; what is of no field here comes under "". */
export function troubles(said: Partial<ProblemOut>, spans = 1): Map<string, string> {
  const found = new Map<string, string>();
  for (const finding of said.findings ?? []) {
    const field = fieldOf(finding.place, spans);
    const words = field === "" && finding.place !== "" ? `${finding.place}: ${finding.message}` : finding.message;
    found.set(field, found.has(field) ? `${found.get(field) ?? ""}; ${words}` : words);
  }
  return found;
}

function fieldOf(place: string, spans: number): string {
  const span = /^windows\[(\d+)\](?:\.(start|end))?/.exec(place);
  if (span !== null) return spans > 1 ? `windows[${span[1] ?? "0"}].${span[2] ?? "start"}` : (span[2] ?? "start");
  if (place === "windows") return spans > 1 ? "windows[0].start" : "start";
  if (place === "recurrence") return "recurrence.rule";
  if (place === "autoscale") return "autoscale.floor_gbps";
  let rest = place;
  while (rest !== "") {
    if ((FIELDS as readonly string[]).includes(rest)) return rest;
    rest = rest.replace(/(\.[^.[\]]*|\[[^\]]*\]|[^.[\]]+)$/, "");
  }
  return "";
}

/** The days of a rule that is about days of the week and nothing else; null of any other. */
export function daysOf(rule: string): Set<string> | null {
  const match = /^FREQ=WEEKLY;BYDAY=([A-Z,]*)$/.exec(rule.trim());
  return match === null ? null : new Set((match[1] ?? "").split(",").filter(Boolean));
}

export function ruleOf(days: ReadonlySet<string>): string {
  return `FREQ=WEEKLY;BYDAY=${DAYS.filter((day) => days.has(day)).join(",")}`;
}

/** A moment by the viewer's clock, to the minute, as an input has it. */
export function local(iso: string | number | Date): string {
  const at = new Date(iso);
  const two = (value: number): string => String(value).padStart(2, "0");
  const date = `${String(at.getFullYear())}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${date}T${two(at.getHours())}:${two(at.getMinutes())}`;
}

function timesOf({ when, spans, rule, zone, first, hours }: Draft): Record<string, unknown> {
  if (when === "now") return {};
  if (when === "again") {
    const duration = number(hours);
    const duration_s = typeof duration === "number" ? duration * 3600 : (duration ?? 0);
    return { recurrence: { rule: rule.trim(), time_zone: zone.trim(), start: first, duration_s } };
  }
  const times = spans.map(({ start, end }) => ({ ...some("start", moment(start)), ...some("end", moment(end)) }));
  return times.length > 1 ? { windows: times } : (times[0] ?? {});
}

function autoscaleOf({ floor, ceiling }: Draft): unknown {
  const [low, high] = [number(floor), number(ceiling)];
  return low === undefined && high === undefined ? undefined : { ...some("floor_gbps", low), ...some("ceiling_gbps", high) };
}

function endOf(at: string, vlan: string, prefixes: string): unknown {
  const tag = number(vlan);
  const behind = words(prefixes);
  return tag === undefined && behind.length === 0
    ? at.trim()
    : { at: at.trim(), ...some("vlan", tag), ...(behind.length === 0 ? {} : { prefixes: behind }) };
}

/** A number where it is one, else what was typed. */
function number(text: string): number | string | undefined {
  const bare = text.trim();
  if (bare === "") return undefined;
  const value = Number(bare.replace(",", "."));
  return Number.isFinite(value) ? value : bare;
}

function moment(text: string): string | undefined {
  if (text === "") return undefined;
  const at = new Date(text);
  return Number.isNaN(at.getTime()) ? text : at.toISOString();
}

function words(text: string): string[] {
  return text.split(/[\s,;]+/).filter(Boolean);
}

function some(name: string, value: unknown): Record<string, unknown> {
  return value === undefined ? {} : { [name]: value };
}
