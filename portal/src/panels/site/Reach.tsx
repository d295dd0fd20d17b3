// How far light comes from a site along the network's own fibre: contours on the map, and every site with its time.
import { useMemo, useState } from "preact/hooks";
import { useStore } from "../../page";
import { Choice } from "../../parts/Choice";
import { useOverlay } from "../../parts/overlay";
import { bandOf, contoursOf, distances } from "../../state/distance";
import { stateOf } from "../../state/faults";
import { pick } from "../../state/go";
import { siteName, type Overlay, type State } from "../../state/store";
import { t } from "../../words/en";
import { ms } from "../../words/figures";

export const BANDS_MS = [1, 2, 5, 10] as const;
type Trip = keyof typeof t.contour.ways;
const MOST = 300;

export interface Near {
  site: string;
  /** As one asked: one way or there and back; null where light does not come. */
  takes_ms: number | null;
  band: number;
}

/** Every other site by how long light takes to it; those that it does not reach last. */
export function near(state: State, from: string, ms_to: ReadonlyMap<string, number>, trips: number): Near[] {
  return (state.atlas?.network.sites ?? [])
    .filter((site) => site.id !== from)
    .map((site) => {
      const one_way = ms_to.get(site.id);
      const takes_ms = one_way === undefined ? null : one_way * trips;
      return { site: site.id, takes_ms, band: takes_ms === null ? BANDS_MS.length + 1 : bandOf(takes_ms, BANDS_MS) };
    })
    .sort((a, b) => (a.takes_ms ?? Infinity) - (b.takes_ms ?? Infinity) || (a.site < b.site ? -1 : 1));
}

export function Reach({ id }: { id: string }) {
  const store = useStore();
  const [trip, turn] = useState<Trip>("one");
  const { atlas, faults } = store;
  const trips = trip === "one" ? 1 : 2;
  const { list, overlay } = useMemo(() => {
    const links = (atlas?.network.links ?? []).filter((link) => stateOf(link, faults) !== "down");
    const ms_to = distances(links, id);
    const list = near(store, id, ms_to, trips);
    const said = BANDS_MS.map((band, at) => `${t.contour.sites(list.filter((one) => one.band <= at).length)} ${t.contour.within(ms(band))}`);
    const shown: Overlay = {
      said: t.contour.said(siteName(store, id), said.join(", ")),
      lost: new Set(),
      loads: new Map(),
      routes: [],
      contours: contoursOf(links, ms_to, BANDS_MS.map((band) => band / trips)),
    };
    return { list, overlay: shown };
  }, [id, atlas, [...faults.down].sort().join(" "), trips]);
  useOverlay(overlay);
  return (
    <>
      <p class="lead">{t.contour.intro}</p>
      <Choice name={t.contour.way} of={t.contour.ways} chosen={trip} choose={turn} />
      <ul class="bands">
        {BANDS_MS.map((band, at) => (
          <li key={band} data-within={band}>
            <span class="swatch-band" data-band={at} aria-hidden="true" />
            {t.contour.within(ms(band))}: {list.filter((one) => one.band <= at).length}
          </li>
        ))}
      </ul>
      <table class="figures">
        <caption>{t.contour.table(siteName(store, id), t.contour.ways[trip])}</caption>
        <thead>
          <tr>
            <th scope="col">{t.contour.site}</th>
            <th scope="col">{t.contour.band}</th>
            <th scope="col">{t.contour.time}</th>
          </tr>
        </thead>
        <tbody>
          {list.slice(0, MOST).map((one) => (
            <tr key={one.site} data-near={one.site}>
              <th scope="row">
                <button type="button" onClick={() => pick(store, { kind: "site", id: one.site })}>
                  {siteName(store, one.site)}
                </button>
              </th>
              <td>
                <span class="swatch-band" data-band={Math.min(one.band, BANDS_MS.length)} aria-hidden="true" />
                {bandWords(one.band)}
              </td>
              <td>{ms(one.takes_ms)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}

function bandWords(band: number): string {
  if (band > BANDS_MS.length) return t.contour.never;
  const within = BANDS_MS[band];
  return within === undefined ? t.contour.beyond(ms(BANDS_MS[BANDS_MS.length - 1] ?? 0)) : t.contour.within(ms(within));
}
