// What happened and what is booked, as lists beside the line of time: at the moment that is chosen, and all in all.
import { usePage } from "../../page";
import { serviceItem, serviceItemOf } from "../../panels/rows";
import { wayWords } from "../../panels/service/ways";
import { Items } from "../../parts/Items";
import { Part } from "../../parts/Part";
import { faultsBooked } from "../../state/faults";
import { pick } from "../../state/go";
import { fibreName, named } from "../../state/naming";
import { stretches, type Stretch } from "../../state/span";
import type { Route } from "../../state/store";
import { incidentAt, movesAt } from "../../state/story";
import { count, turnsOf } from "../../state/turns";
import { t } from "../../words/en";
import { date, exact, gbps } from "../../words/figures";
import { Free } from "./Free";

const MOST_ROWS = 100;
const MOST_TURNS = 30;
/** Of what had happened the last are told. */
const LAST = 6;

export function TimeLine() {
  const { store } = usePage();
  const all = stretches(store);
  return (
    <div class="place">
      <p class="lead">{t.timeline.intro}</p>
      {store.ahead ? <ByThen /> : store.at_ms !== null && <So />}
      {!store.operator && <Free />}
      <Part title={t.timeline.happened} count={all.length}>
        {all.length === 0 && <p class="nothing">{t.timeline.none}</p>}
        <ul class="rows">
          {all.slice(0, MOST_ROWS).map((one) => (
            <Row key={one.key} of={one} />
          ))}
        </ul>
      </Part>
    </div>
  );
}

function Row({ of: one }: { of: Stretch }) {
  const { store, time } = usePage();
  const incident = one.kind === "incident" ? store.incidents.find(({ id }) => id === one.key) : undefined;
  const look = (): void => {
    time.seek(one.begin_ms + 1000);
    if (one.to !== null) pick(store, one.to);
  };
  return (
    <li class="stretch">
      <button class="row" type="button" onClick={look}>
        <span class="dot" data-state={one.kind === "incident" ? (one.end_ms === null ? "down" : "closed") : "drained"} aria-hidden="true" />
        <span class="row-title">{one.title}</span>
        <span class="row-sub">
          {date(one.begin_ms)} – {one.end_ms === null ? t.timeline.open : date(one.end_ms)}
        </span>
      </button>
      {incident !== undefined && (
        <button class="second" type="button" aria-label={t.timeline.replayOf(one.title)} onClick={() => time.replay(incident)}>
          {t.timeline.replay}
        </button>
      )}
    </li>
  );
}

/** What begins and ends until a moment to come, and what is drained then. */
function ByThen() {
  const { store } = usePage();
  const { at_ms, now_ms } = store;
  if (at_ms === null) return null;
  const { begins, ends } = turnsOf(store.services, now_ms);
  const [begun, ended] = [begins.slice(0, count(begins, at_ms)), ends.slice(0, count(ends, at_ms))];
  const drained = [...faultsBooked(at_ms, store.maintenances).drained];
  const turns = [
    ...begun.map((one) => ({ ...one, words: t.timeline.beginsAt })),
    ...ended.map((one) => ({ ...one, words: t.timeline.endsAt })),
  ].sort((a, b) => a.at_ms - b.at_ms);
  return (
    <>
      <p class="gain" data-turns>
        {t.timeline.begins(begun.length)}, {t.timeline.ends(ended.length)}.
      </p>
      <Items
        tall
        title={t.timeline.byThen}
        empty={t.timeline.noTurns}
        of={turns.slice(-MOST_TURNS).map(({ at_ms: when, service, words }) => serviceItem(store, service, words(date(when), gbps(service.bandwidth_gbps))))}
      />
      {store.operator && (
        <Items
          title={t.timeline.drained}
          empty={t.timeline.noDrained}
          of={drained.map((fibre) => ({ title: fibreName(store, fibre), state: "drained", to: { kind: "fibre", id: fibre } }))}
        />
      )}
    </>
  );
}

/** What had happened by a moment that has passed, where it is of an incident. */
function So() {
  const { store } = usePage();
  const { at_ms } = store;
  const incident = incidentAt(store);
  if (at_ms === null || incident === null) return null;
  const told = incident.timeline.filter((entry) => Date.parse(entry.at) <= at_ms).slice(-LAST);
  const moves = movesAt(store);
  const words = ({ service, sites }: Route): string => {
    const before = moves.find((route) => route.way === "left" && route.service === service)?.sites ?? [];
    return t.timeline.movedFrom(wayWords(store, before, sites), wayWords(store, sites, before));
  };
  return (
    <>
      <Items
        tall
        title={t.timeline.so}
        empty={t.incident.noLine}
        of={told.map((entry) => ({ title: named(store, entry.text), note: exact(entry.at) }))}
      />
      <Items
        tall
        title={t.timeline.moved}
        empty={t.timeline.noMoved}
        of={moves.filter(({ way }) => way === "took").map((route) => serviceItemOf(store, route.service, words(route), "RESERVED"))}
      />
    </>
  );
}
