// The same as the map, for who prefers a table: sorted by any column, and every row a way to what it is about.
import { useState } from "preact/hooks";
import { useStore } from "../page";
import { Choice } from "../parts/Choice";
import { same } from "../state/address";
import { pick } from "../state/go";
import { t } from "../words/en";
import { arranged, linkTable, siteTable, type TableRow } from "./rows";

/** More rows than this help nobody; the filter does. */
const MOST = 300;

type What = "links" | "sites";

export function NetworkTable() {
  const store = useStore();
  const [what, turn] = useState<What>(store.operator ? "links" : "sites");
  const [filter, look] = useState("");
  const [sort, by] = useState({ column: store.operator ? 3 : 0, down: store.operator });
  const table = what === "links" ? linkTable(store) : siteTable(store);
  const rows = arranged(table, filter, sort.column, sort.down);
  const choose = (one: What): void => {
    turn(one);
    by({ column: one === "links" ? 3 : 0, down: one === "links" });
  };
  return (
    <div class="table">
      <div class="tools">
        {store.operator && <Choice name={t.table.kind} of={{ links: t.table.links, sites: t.table.sites }} chosen={what} choose={choose} />}
        <input
          type="search"
          placeholder={t.lists.filter}
          aria-label={t.lists.filterSaid}
          autocomplete="off"
          spellcheck={false}
          value={filter}
          onInput={(event) => look(event.currentTarget.value)}
        />
      </div>
      <div class="table-rows" tabIndex={0} role="region" aria-label={t.table.title}>
        <table>
          <thead>
            <tr>
              {table.columns.map((name, column) => (
                <th key={name} scope="col" aria-sort={sort.column !== column ? "none" : sort.down ? "descending" : "ascending"}>
                  <button type="button" onClick={() => by({ column, down: sort.column === column && !sort.down })}>
                    {name}
                    <span aria-hidden="true">{sort.column !== column ? "" : sort.down ? " ↓" : " ↑"}</span>
                  </button>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.slice(0, MOST).map((row) => (
              <Row key={row.key} row={row} chosen={same(row.to, store.selection)} />
            ))}
          </tbody>
        </table>
        {rows.length > MOST && <p class="nothing">{t.table.more(rows.length - MOST)}</p>}
      </div>
    </div>
  );
}

function Row({ row, chosen }: { row: TableRow; chosen: boolean }) {
  const store = useStore();
  return (
    <tr data-table-row={row.key} data-state={row.state} aria-current={chosen ? "true" : undefined}>
      {row.cells.map((cell, at) =>
        at === 0 ? (
          <th scope="row" key={at}>
            <button type="button" onClick={() => pick(store, row.to)}>
              {cell.text}
            </button>
          </th>
        ) : (
          <td key={at} data-number={typeof cell.value === "number"}>
            {cell.text}
          </td>
        ),
      )}
    </tr>
  );
}
