// The page: the map under everything, and what lies over it.
import { useEffect, useState } from "preact/hooks";
import { usePage } from "../page";
import { Choice } from "../parts/Choice";
import { Icon } from "../parts/Icon";
import { Panel } from "../panels/Panel";
import { mayOrder } from "../places/order/rights";
import { go, pick } from "../state/go";
import { NetworkTable } from "../table/NetworkTable";
import { t } from "../words/en";
import { Header } from "./Header";
import { Legend, Reach } from "./Legend";
import { Rail } from "./Rail";
import { Scrubber, timed } from "./Scrubber";
import { Stage } from "./Stage";

export function App() {
  const { store, map } = usePage();
  const [railShut, shut] = useState(window.innerWidth < 900);
  const open = store.selection !== null;
  const { place, view } = store.address;
  const withTime = timed(store.address);
  // Who goes to a place wants to see it.
  useEffect(() => {
    if (place !== null) shut(false);
  }, [place]);
  useEffect(() => {
    if (mayOrder(store.who)) map.onDrag = (from, to) => go(store, { place: "order", ends: `${from}>${to}` });
    const escape = (event: KeyboardEvent): void => {
      if (event.key !== "Escape" || store.selection === null) return;
      const inside = document.activeElement?.closest(".panel") !== null;
      pick(store, null);
      if (inside) map.focus();
    };
    window.addEventListener("keydown", escape);
    return () => window.removeEventListener("keydown", escape);
  }, []);
  return (
    <div class={`page ${railShut ? "rail-shut" : ""} ${open ? "panel-open" : ""} ${withTime ? "timed" : ""}`} data-view={view}>
      {view !== "table" && (
        <button class="skip" type="button" onClick={() => map.focus()}>
          {t.app.skip}
        </button>
      )}
      <Header toggleRail={() => shut((was) => !was)} />
      <Rail />
      <main>
        <Stage railShut={railShut} timed={withTime} />
        {withTime && <Scrubber />}
        {view === "table" && <NetworkTable />}
        <div class="foot">
          <Legend />
          {store.operator && <Reach />}
          <div class="views">
            <Choice name={t.views.title} of={t.views.of} chosen={view} choose={(one) => go(store, { view: one })} />
          </div>
        </div>
        <div class="controls">
          <Button label={t.controls.in} icon="M8 3v10M3 8h10" act={() => map.zoomBy(1.6)} />
          <Button label={t.controls.out} icon="M3 8h10" act={() => map.zoomBy(1 / 1.6)} />
          <Button label={t.controls.home} icon="M3 6V3h3M10 3h3v3M13 10v3h-3M6 13H3v-3" act={() => map.goHome()} />
        </div>
      </main>
      <Panel />
      {store.overlay !== null && (
        <p class="unseen" role="status">
          {store.overlay.said}
        </p>
      )}
      {store.atlas === null && store.trouble === null && (
        <p class="waiting" role="status">
          {t.app.reading}
        </p>
      )}
      {store.trouble !== null && (
        <p class="waiting" role="alert">
          {store.trouble}
        </p>
      )}
    </div>
  );
}

function Button({ label, icon, act }: { label: string; icon: string; act: () => void }) {
  return (
    <button class="icon" type="button" aria-label={label} title={label} onClick={act}>
      <Icon path={icon} />
    </button>
  );
}
