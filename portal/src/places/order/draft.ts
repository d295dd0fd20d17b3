// An order while it is written: what is in the form, what of it may be sent, and which of the API's findings is of which
// field.
import type { OrderIn, ProblemOut } from "../../api/schema";

export interface Draft {
  from: string;
  to: string;
  tenant: string;
  rate: string;
  latency: string;
  fence: string;
  traffic_class: string;
  protected: boolean;
}

export type Field = "from" | "to" | "bandwidth_gbps" | "latency_bound_ms" | "fence" | "traffic_class" | "protection";
export const FIELDS: readonly Field[] = [
  "from",
  "to",
  "bandwidth_gbps",
  "latency_bound_ms",
  "fence",
  "traffic_class",
  "protection",
];

export const EMPTY: Draft = {
  from: "",
  to: "",
  tenant: "",
  rate: "100",
  latency: "",
  fence: "",
  traffic_class: "assured",
  protected: false,
};

/** Whether there is enough of it to ask. */
export function whole(draft: Draft): boolean {
  return draft.from !== "" && draft.to !== "" && draft.rate.trim() !== "";
}

/** The order as it is sent; what was left empty is left out. */
export function orderOf(draft: Draft): OrderIn {
  const fence = draft.fence.split(/[\s,;]+/).filter(Boolean);
  return {
    from: draft.from,
    to: draft.to,
    bandwidth_gbps: Number(draft.rate),
    traffic_class: draft.traffic_class as NonNullable<OrderIn["traffic_class"]>,
    protection: draft.protected ? "path" : "none",
    ...(draft.latency.trim() === "" ? {} : { latency_bound_ms: Number(draft.latency) }),
    ...(fence.length === 0 ? {} : { fence: fence.map((one) => one.toUpperCase()) }),
  };
}

/** What is wrong, beside its field; what is of no field here comes under "". */
export function troubles(said: Partial<ProblemOut>): Map<Field | "", string> {
  const found = new Map<Field | "", string>();
  for (const finding of said.findings ?? []) {
    const [first = ""] = finding.place.split(/[.[]/);
    const field = FIELDS.find((known) => known === first) ?? "";
    const words = field === "" && finding.place !== "" ? `${finding.place}: ${finding.message}` : finding.message;
    found.set(field, found.has(field) ? `${found.get(field) ?? ""}; ${words}` : words);
  }
  return found;
}
