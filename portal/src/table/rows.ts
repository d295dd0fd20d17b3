// The network as rows: every link and every site, with what the map says by colour and width as words and numbers.
import { lights } from "../map/shown";
import type { Selection } from "../state/address";
import { siteName, type State, type Store } from "../state/store";
import { kindTitle, t } from "../words/en";
import { gbps, ms, percent } from "../words/figures";

export interface Cell {
  text: string;
  /** What it is sorted by. */
  value: number | string;
}

export interface TableRow {
  key: string;
  to: Selection;
  state: string;
  cells: readonly Cell[];
}

export interface Table {
  columns: readonly string[];
  rows: readonly TableRow[];
}

const word = (text: string): Cell => ({ text, value: text.toLowerCase() });
const number = (value: number, text: string): Cell => ({ text, value });

export function linkTable(state: Store): Table {
  const { columns } = t.table;
  const lit = lights(state);
  return {
    columns: [columns.from, columns.to, columns.state, columns.load, state.ahead ? columns.then : columns.carried, columns.booked, columns.capacity, columns.latency],
    rows: (state.atlas?.network.links ?? []).map((link) => {
      const { gbps: carried, share, state: now } = lit(link);
      return {
        key: link.id,
        to: { kind: "link", id: link.id },
        state: now,
        cells: [
          word(siteName(state, link.tail)),
          word(siteName(state, link.head)),
          word(now),
          number(share, carried === null ? "–" : percent(share)),
          number(carried ?? 0, carried === null ? "–" : gbps(carried)),
          number(link.booked_gbps, gbps(link.booked_gbps)),
          number(link.capacity_gbps, gbps(link.capacity_gbps)),
          number(link.latency_ms, ms(link.latency_ms)),
        ],
      };
    }),
  };
}

export function siteTable(state: State): Table {
  const { columns } = t.table;
  return {
    columns: [columns.name, columns.kind, columns.jurisdiction, columns.degree],
    rows: (state.atlas?.network.sites ?? []).map((site) => {
      const degree = (state.atlas?.linksAt.get(site.id) ?? []).filter((link) => link.tail === site.id).length;
      return {
        key: site.id,
        to: { kind: "site", id: site.id },
        state: "up",
        cells: [word(site.name), word(kindTitle(site.kind)), word(site.jurisdiction), number(degree, String(degree))],
      };
    }),
  };
}

/** Rows in which every word is found, by a column; the same ones in the order of their keys. */
export function arranged(table: Table, filter: string, column: number, down: boolean): TableRow[] {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  const found = table.rows.filter((row) => {
    const all = `${row.key} ${row.cells.map((cell) => cell.text).join(" ")}`.toLowerCase();
    return words.every((one) => all.includes(one));
  });
  const turn = down ? -1 : 1;
  return found.sort((a, b) => turn * compared(a.cells[column]?.value, b.cells[column]?.value) || (a.key < b.key ? -1 : 1));
}

function compared(a: number | string = "", b: number | string = ""): number {
  return typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
}
