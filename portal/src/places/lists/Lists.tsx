// Services, incidents and fibres as lists that one can filter; everything on the map is here too, for the keyboard and for
// who prefers words.
import { useRef, useState } from "preact/hooks";
import { all } from "../../api/client";
import { useStore } from "../../page";
import { Answer } from "../../parts/Answer";
import { useAsked } from "../../parts/asked";
import { same } from "../../state/address";
import { go, pick } from "../../state/go";
import { live } from "../../state/services";
import { t } from "../../words/en";
import { mayOrder } from "../order/rights";
import { linesOf, matching, type Row, type Tab } from "./rows";

/** More rows than this help nobody; the filter does. */
const MOST = 200;

export function Lists() {
  const store = useStore();
  const [tab, turn] = useState<Tab>("services");
  const [filter, look] = useState("");
  const [ended, withEnded] = useState(false);
  const rows = useRef<HTMLDivElement>(null);
  // They are read when one asks for them: of a network of years they are many.
  const past = useAsked(String(ended), () => (ended ? all("GET /v1/services") : Promise.resolve(null)));
  const found = matching(linesOf(store, tab, past.state === "here" ? past.value : null), filter);
  const open = store.incidents.filter((incident) => incident.open).length;
  const tabs: [Tab, string, number][] = [
    ["services", t.lists.services, live(store).length],
    ["incidents", t.lists.incidents, open],
    ["fibres", t.lists.fibres, store.atlas?.network.fibres.length ?? 0],
  ];
  return (
    <>
      <div class="tabs" role="tablist" aria-label={t.places.lists}>
        {tabs
          .filter(([name]) => store.operator || name !== "fibres")
          .map(([name, title, count]) => (
            <button
              key={name}
              type="button"
              role="tab"
              data-tab={name}
              aria-controls="rows"
              aria-selected={name === tab}
              onClick={() => {
                turn(name);
                rows.current?.scrollTo(0, 0);
              }}
            >
              {title}
              <span class="count" data-state={name === "incidents" && open > 0 ? "open" : undefined}>
                {count}
              </span>
            </button>
          ))}
      </div>
      <div class="tools">
        <input
          type="search"
          placeholder={t.lists.filter}
          aria-label={t.lists.filterSaid}
          autocomplete="off"
          spellcheck={false}
          value={filter}
          onInput={(event) => look(event.currentTarget.value)}
        />
        {tab === "services" && (
          <label class="ended">
            <input type="checkbox" checked={ended} onChange={() => withEnded(!ended)} />
            {t.lists.ended}
          </label>
        )}
      </div>
      <div class="rows" id="rows" role="tabpanel" tabIndex={-1} ref={rows}>
        <ul>
          {found.slice(0, MOST).map((line) => (
            <Line key={line.key} row={line.row()} />
          ))}
        </ul>
      </div>
      {ended && past.state !== "here" && <Answer of={past}>{() => null}</Answer>}
      {store.atlas !== null && <Nothing tab={tab} found={found.length} filter={filter} />}
    </>
  );
}

function Line({ row }: { row: Row }) {
  const store = useStore();
  const { to } = row;
  const chosen = to !== null && same(to, store.selection);
  return (
    <li>
      <button
        class="row"
        type="button"
        disabled={to === null}
        data-state={row.state}
        {...(to === null ? {} : { [`data-${to.kind}-row`]: to.id })}
        aria-current={chosen ? "true" : undefined}
        onClick={() => to !== null && pick(store, to)}
      >
        <span class="dot" data-state={row.state} aria-hidden="true" />
        <span class="row-title">{row.title}</span>
        <span class="row-note">{row.note}</span>
        <span class="row-sub">{row.sub}</span>
        <span class="unseen">{row.state}</span>
      </button>
    </li>
  );
}

function Nothing({ tab, found, filter }: { tab: Tab; found: number; filter: string }) {
  const store = useStore();
  if (found > MOST) return <p class="nothing">{t.lists.more(found - MOST)}</p>;
  if (found > 0) return null;
  if (filter !== "") return <p class="nothing">{t.lists.noMatch(filter)}</p>;
  if (tab === "incidents") return <p class="nothing">{t.lists.noIncidents}</p>;
  if (tab === "fibres") return <p class="nothing">{t.lists.noFibres}</p>;
  return (
    <div class="nothing">
      <span class="big">{t.lists.noServices}</span>
      <span>{t.lists.first}</span>
      <code>{t.lists.command}</code>
      {mayOrder(store.who) && (
        <button class="second" type="button" onClick={() => go(store, { place: "order" })}>
          {t.lists.orderOne}
        </button>
      )}
    </div>
  );
}
