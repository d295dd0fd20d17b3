// The line on top: whose network this is, how much it carries, and whether what one sees is now.
import { useEffect } from "preact/hooks";
import { usePage, useStore } from "../page";
import { Mark } from "../parts/Mark";
import { APART_MS } from "../state/clock";
import { totals } from "../state/services";
import { t } from "../words/en";
import { date, figure, lasting, takenOn, time } from "../words/figures";

export function Header({ toggleRail }: { toggleRail: () => void }) {
  const { store, leave } = usePage();
  const { atlas, sample } = store;
  const name = atlas?.network.name ?? "";
  useEffect(() => {
    if (name !== "") document.title = `${name} · ${t.signIn.title}`;
  }, [name]);
  const facts = [];
  if (atlas !== null) {
    facts.push(t.header.sites(atlas.network.sites.length));
    if (store.operator) facts.push(t.header.links(atlas.network.links.length));
    if (sample !== null) facts.push(takenOn(sample.fabric, sample.rate_scale));
    if (!store.operator) facts.push(store.who.tenant);
  }
  return (
    <header class="top">
      <button class="icon rail-toggle" type="button" aria-label={t.header.rail} aria-controls="rail" onClick={toggleRail}>
        ☰
      </button>
      <Mark />
      <div class="network">
        <h1 data-network>{name}</h1>
        <p class="network-facts">{facts.join(" · ")}</p>
      </div>
      <Stats />
      <p class="frozen" role="status" data-frozen hidden={sample === null || sample.frozen === null}>
        {sample?.frozen}
      </p>
      <Apart />
      <Connection />
      <button class="quiet" type="button" onClick={leave}>
        {t.header.leave}
      </button>
    </header>
  );
}

function Stats() {
  const { store } = usePage();
  // Of another moment they are not known.
  const known = store.sample !== null && store.address.at === null;
  const sum = totals(store);
  const tera = sum.carried_gbps >= 10_000;
  return (
    <div class="stats">
      <div class="stat">
        <b data-total="carried">{known ? figure(tera ? sum.carried_gbps / 1000 : sum.carried_gbps) : "–"}</b>
        <span>{t.header.carried(tera)}</span>
      </div>
      <div class="stat">
        <b data-total="active">{known ? sum.active : "–"}</b>
        <span>{t.header.active}</span>
      </div>
      <div class={`stat degraded ${sum.degraded > 0 ? "some" : ""}`}>
        <b data-total="degraded">{known ? sum.degraded : "–"}</b>
        <span>{t.header.degraded}</span>
      </div>
    </div>
  );
}

/** Where the viewer's clock is not the controller's: one of them is wrong, and what is shown is by the controller's. */
function Apart() {
  const { skew_ms } = useStore();
  const apart = Math.abs(skew_ms) > APART_MS;
  return (
    <p class="frozen" role="status" data-clocks-apart hidden={!apart}>
      {apart && t.header.apart(lasting(Math.abs(skew_ms)), skew_ms < 0)}
    </p>
  );
}

function Connection() {
  const { store } = usePage();
  const { sample, stale } = store;
  const at = store.at_ms;
  useEffect(() => {
    document.documentElement.classList.toggle("stale", stale);
  }, [stale]);
  const known = sample !== null;
  const state = !known ? "connecting" : stale ? "stale" : "live";
  const word = !known ? t.header.connecting : stale ? t.header.stale(time(sample.at)) : t.header.live;
  return (
    <div class="connection" role="status" aria-live={store.playhead === null ? "polite" : "off"} data-connection={state}>
      <span class="connection-word">{at === null ? word : store.ahead ? t.header.ahead(date(at)) : t.header.then(date(at))}</span>
      <span class="clock" data-clock>
        {known && !stale && at === null ? time(sample.at) : ""}
      </span>
    </div>
  );
}
