// What if there were more of it: how much fits, what falls, which links are full first, and which upgrade helps most.
import { useEffect, useMemo, useState } from "preact/hooks";
import { ask } from "../../api/client";
import type { OutlookOut } from "../../api/schema";
import { wayOf } from "../../panels/rows";
import { useStore } from "../../page";
import { Answer } from "../../parts/Answer";
import { saidOf, useAsked } from "../../parts/asked";
import { Change } from "../../parts/Change";
import { Facts } from "../../parts/Facts";
import { Items } from "../../parts/Items";
import { Meter } from "../../parts/Meter";
import { useOverlay } from "../../parts/overlay";
import { Part } from "../../parts/Part";
import { GROWTH } from "../../state/address";
import { opposite } from "../../state/atlas";
import { go } from "../../state/go";
import { siteName, type Overlay, type State } from "../../state/store";
import { t } from "../../words/en";
import { exactPercent, gbps, percent } from "../../words/figures";
import { failureName } from "./Sweeps";
import type { Swept } from "./sweep";

/** What the slider begins with. */
const FIRST_TIMES = 1.5;
const MORE_GBPS = 100;
/** How many upgrades are compared. */
const CANDIDATES = 6;
const MOST_LINKS = 8;

/** What was worked out is in the address: how many times as much, and without what. */
export function Growth({ worst }: { worst: Swept | undefined }) {
  const store = useStore();
  const { grow, without } = store.address;
  const [times, turn] = useState(grow ?? FIRST_TIMES);
  useEffect(() => {
    if (grow !== null) turn(grow);
  }, [grow]);
  const failure = without ?? worst?.target;
  const [cut, leave] = useState(without !== null);
  useEffect(() => leave(without !== null), [without]);
  const work = (): void => go(store, { grow: times, without: cut ? (failure ?? null) : null });
  return (
    <Part title={t.sweeps.growth}>
      <p class="said">{t.sweeps.growthIntro}</p>
      <div class="grow">
        <label for="grow">{t.sweeps.grow}</label>
        <input
          id="grow"
          type="range"
          min={GROWTH.least}
          max={GROWTH.most}
          step={GROWTH.step}
          value={times}
          onInput={(event) => turn(Number(event.currentTarget.value))}
        />
        <output for="grow">× {times.toFixed(1)}</output>
      </div>
      {failure !== undefined && (
        <label class="tick">
          <input type="checkbox" checked={cut} onChange={() => leave(!cut)} />
          {t.sweeps.without(failureName(store, failure))}
        </label>
      )}
      <div class="deeds">
        <button class="second" type="button" onClick={work}>
          {t.sweeps.work}
        </button>
      </div>
      {grow !== null && <Grown times={grow} without={without} />}
    </Part>
  );
}

function Grown({ times, without }: { times: number; without: string | null }) {
  const asked = useAsked(`${String(times)} ${without ?? ""}`, (signal) =>
    ask("GET /v1/whatif/outlook", { query: { grow: times, cut: without === null ? [] : [without] }, signal }),
  );
  return (
    <Answer of={asked}>
      {(found) => (
        <>
          <Outlook of={found} />
          <Upgrades key={`${String(found.growth)} ${found.cut.join(" ")}`} after={found} />
        </>
      )}
    </Answer>
  );
}

function Outlook({ of: found }: { of: OutlookOut }) {
  const store = useStore();
  const { planned } = found;
  useOverlay(useMemo(() => outlookOverlay(found), [found]));
  return (
    <>
      <Facts
        of={[
          [t.sweeps.fits, planned.grows_to === null ? t.sweeps.limitless : t.sweeps.times(planned.grows_to)],
          [t.sweeps.wanted, gbps(found.wanted_gbps)],
          [t.plan.fullest, exactPercent(planned.utilisation)],
          [
            t.sweeps.lost,
            planned.lost_gbps > 0.005
              ? t.sweeps.lostIs(gbps(planned.lost_gbps), planned.cut_off_gbps > 0.005 ? gbps(planned.cut_off_gbps) : null)
              : null,
          ],
        ]}
      />
      {planned.classes.map((one) => (
        <Meter
          key={one.traffic_class}
          name={t.sweeps.class(one.traffic_class)}
          share={one.wanted_gbps > 0 ? one.carried_gbps / one.wanted_gbps : 0}
          text={t.sweeps.carried(gbps(one.carried_gbps), gbps(one.wanted_gbps))}
        />
      ))}
      <Part title={t.sweeps.full} count={found.overloaded}>
        {found.fullest.slice(0, MOST_LINKS).map((one) => (
          <Change
            key={one.link}
            name={wayOf(store, one.link)}
            before={one.before_gbps / one.capacity_gbps}
            after={one.share}
            text={t.plan.change(percent(one.before_gbps / one.capacity_gbps), percent(one.share))}
            to={{ kind: "link", id: one.link }}
          />
        ))}
      </Part>
      {planned.short.length > 0 && (
        <Items
          title={t.sweeps.shortBetween}
          empty={t.panel.none}
          of={planned.short.map((one) => ({ title: `${siteName(store, one.from)} – ${siteName(store, one.to)}`, note: gbps(one.gbps), state: "down" }))}
        />
      )}
    </>
  );
}

/** Links as full as they would be. */
export function outlookOverlay(found: OutlookOut): Overlay {
  return {
    said: t.sweeps.outlookSaid(String(found.growth)),
    lost: new Set(),
    loads: new Map(found.fullest.map((one) => [one.link, one.share])),
    routes: [],
  };
}

export interface Upgrade {
  link: string;
  grows_to: number | null;
  /** How much more fits, both ways counted. */
  more_gbps: number;
  /** How much less is lost. */
  saved_gbps: number;
}

/** What an outlook with one link added says of it. */
export function upgradeOf(link: string, { planned, without, wanted_gbps, growth }: OutlookOut): Upgrade {
  const [after, before] = [planned.grows_to ?? 0, without?.grows_to ?? 0];
  return {
    link,
    grows_to: planned.grows_to,
    more_gbps: Math.max(0, after - before) * (growth > 0 ? wanted_gbps / growth : 0),
    saved_gbps: Math.max(0, (without?.lost_gbps ?? 0) - planned.lost_gbps),
  };
}

/** The upgrade that saves most first; where none is lost, the one with which most more fits. */
export function byHelp(found: readonly Upgrade[]): Upgrade[] {
  return [...found].sort((a, b) => b.saved_gbps - a.saved_gbps || b.more_gbps - a.more_gbps || (a.link < b.link ? -1 : 1));
}

/** The fullest links, one of each pair: what is added is added each way. */
export function candidates(state: Pick<State, "atlas">, { fullest }: Pick<OutlookOut, "fullest">): string[] {
  const found: string[] = [];
  for (const { link: id } of fullest) {
    const link = state.atlas?.link.get(id);
    const back = link === undefined ? null : opposite(state.atlas, link);
    if (back === null || !found.includes(back.id)) found.push(id);
  }
  return found.slice(0, CANDIDATES);
}

function Upgrades({ after }: { after: OutlookOut }) {
  const store = useStore();
  const [found, see] = useState<readonly Upgrade[]>([]);
  const [busy, work] = useState(false);
  const [trouble, say] = useState("");
  const links = candidates(store, after);
  const compare = async (): Promise<void> => {
    work(true);
    see([]);
    say("");
    try {
      for (const link of links) {
        const query = { grow: after.growth, cut: after.cut, add: [`${link}:${String(MORE_GBPS)}`] };
        const one = upgradeOf(link, await ask("GET /v1/whatif/outlook", { query }));
        see((before) => [...before, one]);
      }
    } catch (error) {
      say(saidOf(error));
    }
    work(false);
  };
  const list = byHelp(found);
  const [best] = list;
  const helps = best !== undefined && best.more_gbps + best.saved_gbps > 0.005;
  return (
    <Part title={t.sweeps.upgrades}>
      <p class="said">
        {t.sweeps.upgradesIntro(after.cut.map((one) => `, ${t.sweeps.without(failureName(store, one))}`).join(""))}
      </p>
      <div class="deeds">
        <button class="second" type="button" disabled={busy || links.length === 0} onClick={() => void compare()}>
          {t.sweeps.tryThem}
        </button>
        <span role="status">{busy ? t.sweeps.progress(found.length, links.length) : ""}</span>
      </div>
      <p class="trouble" role="alert">
        {trouble}
      </p>
      {!busy && best !== undefined && <p class="gain">{helps ? t.sweeps.lead(wayOf(store, best.link)) : t.sweeps.nobodyHelps}</p>}
      {(list.length > 0 || links.length === 0) && (
        <Items
          tall
          title={t.sweeps.compared}
          empty={t.sweeps.noUpgrades}
          of={list.map((one) => ({ title: wayOf(store, one.link), note: upgradeWords(one), to: { kind: "link", id: one.link } }))}
        />
      )}
    </Part>
  );
}

function upgradeWords({ grows_to, more_gbps, saved_gbps }: Upgrade): string {
  const words = [
    saved_gbps > 0.005 ? t.sweeps.saves(gbps(saved_gbps)) : null,
    more_gbps > 0.005 && grows_to !== null ? t.sweeps.upgrade(t.sweeps.times(grows_to), gbps(more_gbps)) : null,
  ].filter((word) => word !== null);
  return words.length === 0 ? t.sweeps.helpsNot : words.join(" · ");
}
