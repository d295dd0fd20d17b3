// What the lists have: a row of each service, incident, drain and fibre, the most urgent first.
import type { IncidentOut, ServiceOut } from "../../api/schema";
import { ends } from "../../panels/rows";
import type { Selection } from "../../state/address";
import { fibreState } from "../../state/faults";
import { fibreName, titleOf } from "../../state/naming";
import { live, stateNow } from "../../state/services";
import type { State } from "../../state/store";
import { t } from "../../words/en";
import { date, gbps, km, ms } from "../../words/figures";

export type Tab = "services" | "incidents" | "fibres";

export interface Row {
  key: string;
  title: string;
  note: string;
  sub: string;
  state: string;
  to: Selection | null;
}

/** A row that is written when it is seen: of ten thousand a few hundred are. */
export interface Line extends Pick<Row, "key" | "title" | "state"> {
  /** What is found in it. */
  words: string;
  row: () => Row;
}

/** `ended` are services that ended before we came, where one asks for them. */
export function linesOf(state: State, tab: Tab, ended: readonly ServiceOut[] | null): Line[] {
  if (tab === "services") return services(state, ended);
  return rowsOf(state, tab).map((row) => ({
    ...row,
    words: `${row.title} ${row.sub} ${row.state} ${row.to?.id ?? ""}`.toLowerCase(),
    row: () => row,
  }));
}

function services(state: State, ended: readonly ServiceOut[] | null): Line[] {
  const known = ended === null ? live(state) : [...state.services.values(), ...ended.filter(({ id }) => !state.services.has(id))];
  return sorted(
    known.map((service) => {
      const now = stateNow(state, service);
      const title = ends(state, service);
      return {
        key: `service ${service.id}`,
        title,
        state: now,
        words: `${title} ${service.id} ${service.tenant} ${now}`.toLowerCase(),
        row: () => serviceRow(state, service),
      };
    }),
  );
}

function rowsOf(state: State, tab: Exclude<Tab, "services">): Row[] {
  switch (tab) {
    case "incidents":
      return [...drains(state), ...incidents(state)];
    case "fibres":
      return sorted(
        (state.atlas?.network.fibres ?? []).map((fibre) => ({
          key: `fibre ${fibre.id}`,
          title: fibreName(state, fibre.id),
          note: km(fibre.length_km),
          sub: fibre.id,
          state: fibreState(state.faults, fibre.id),
          to: { kind: "fibre", id: fibre.id } as const,
        })),
      );
  }
}

/** Lines in which every word is found. */
export function matching(lines: Line[], text: string): Line[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return lines;
  return lines.filter((line) => words.every((word) => line.words.includes(word)));
}

function serviceRow(state: State, service: ServiceOut): Row {
  const now = stateNow(state, service);
  const rate = state.sample?.services[service.id];
  const latency = rate?.latency_ms_there ?? service.there?.latency_ms;
  const sub = [service.id, service.tenant, now === "ACTIVE" ? null : now.toLowerCase(), latency === undefined ? null : ms(latency)];
  return {
    key: `service ${service.id}`,
    title: ends(state, service),
    note: gbps(service.bandwidth_gbps),
    sub: sub.filter(Boolean).join(" · "),
    state: now,
    to: { kind: "service", id: service.id },
  };
}

function incidents(state: State): Row[] {
  return state.incidents.map((incident) => {
    return {
      key: `incident ${incident.id}`,
      title: titleOf(state, incident),
      note: longest(incident),
      sub: t.lists.opened(incident.open, date(incident.opened)),
      state: incident.open ? "down" : "closed",
      to: { kind: "incident", id: incident.id },
    };
  });
}

/** How long the service that was dark longest was. */
function longest({ outages }: IncidentOut): string {
  if (outages.length === 0) return t.lists.noOutage;
  if (outages.some((outage) => !outage.healed)) return t.lists.stillDark;
  const known = outages.flatMap(({ dark_ms, less_than_ms }) => dark_ms ?? less_than_ms ?? []);
  if (known.length === 0) return t.lists.unmeasured;
  const most = Math.max(...known);
  if (most === 0) return known.length < outages.length ? t.lists.unmeasured : t.lists.noneDark;
  return t.lists.dark(ms(most), outages.some((outage) => outage.dark_ms === most));
}

function drains(state: State): Row[] {
  return state.maintenances
    .filter((one) => one.ended === null)
    .map((one) => ({
      key: `maintenance ${one.id}`,
      title: one.fibres.map((fibre) => fibreName(state, fibre)).join(", ") || one.target,
      note: one.state.toLowerCase(),
      sub:
        one.state === "SCHEDULED"
          ? t.lists.booked(one.moving.length, one.stuck.length, date(one.start ?? one.started))
          : t.lists.draining(one.moved.length, one.stuck.length, date(one.started), one.note),
      state: "drained",
      to: one.fibres[0] === undefined ? null : { kind: "fibre", id: one.fibres[0] },
    }));
}

type Sorted = Pick<Row, "key" | "title" | "state">;

const URGENT: Record<string, number> = { down: 0, FAILED: 1, DEGRADED: 1, SUSPENDED: 2, drained: 2, ACTIVATING: 3, ACTIVE: 4 };

const { compare } = new Intl.Collator("en");

/** The most urgent first, then by title. Of ten thousand services many have the same two ends: each title is placed once. */
function sorted<T extends Sorted>(rows: readonly T[]): T[] {
  const titles = [...new Set(rows.map(({ title }) => title))].sort(compare);
  const place = new Map(titles.map((title, at) => [title, at]));
  const at = ({ title }: Sorted): number => place.get(title) ?? 0;
  const urgent = ({ state }: Sorted): number => URGENT[state] ?? 5;
  return [...rows].sort((a, b) => urgent(a) - urgent(b) || at(a) - at(b) || (a.key < b.key ? -1 : 1));
}
