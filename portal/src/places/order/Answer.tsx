// What the API says to what is written: a yes with its ways, or a no with what binds and what one can have instead.
import type { BindingOut, OfferOut, ProblemOut, ServiceOut } from "../../api/schema";
import { useStore } from "../../page";
import { Facts } from "../../parts/Facts";
import { Part } from "../../parts/Part";
import { wayOf } from "../../panels/rows";
import { called } from "../../state/naming";
import { waysOf } from "../../state/services";
import { siteName, type Overlay, type Route, type State } from "../../state/store";
import { t } from "../../words/en";
import { date, exactPercent, gbps, ms, period, sentence } from "../../words/figures";
import type { Answered, Preview } from "./preview";

/** The same in a line, beside the button: what is below may be out of sight. */
export function Verdict({ preview: { answered, asking }, wrong }: { preview: Preview; wrong: number }) {
  const said =
    wrong > 0
      ? t.order.wrong(wrong)
      : answered?.state === "yes"
        ? t.order.yes(ms(answered.service.there?.latency_ms))
        : answered?.state === "no"
          ? t.order.no
          : asking
            ? t.order.working
            : "";
  return (
    <p class="verdict" data-verdict={wrong > 0 ? "no" : (answered?.state ?? "none")} aria-hidden="true">
      {said}
    </p>
  );
}

export function Fits({ service, effects, title }: { service: ServiceOut; effects: readonly string[]; title: string }) {
  const store = useStore();
  const by = (sites: readonly string[] | undefined): string | null => sites?.map((site) => siteName(store, site)).join(" – ") ?? null;
  const ways = waysOf(service);
  const spare = service.backup?.there ?? null;
  return (
    <Part title={title}>
      <Facts
        of={[
          [t.service.latency, t.service.latencyIs(ms(service.there?.latency_ms), ms(service.back?.latency_ms), bound(service))],
          [ways.length > 1 ? t.order.ways(ways.length) : t.order.primary, by(service.there?.sites)],
          [t.service.backup, spare === null ? null : `${ms(spare.latency_ms)}: ${by(spare.sites) ?? ""}`],
          [t.service.availability, service.availability === null ? null : exactPercent(service.availability)],
          [t.service.window, period(service.start, service.end)],
          [t.order.windows, service.windows_left > 1 ? t.order.windowsAre(service.windows_left) : null],
          [t.service.note, service.notes.length === 0 ? null : service.notes.join(" ")],
          [t.order.price, t.order.noPrice],
        ]}
      />
      {effects.length > 0 && (
        <ul class="counts" aria-label={t.service.does}>
          {effects.map((effect) => (
            <li key={effect}>{sentence(called(store, effect))}</li>
          ))}
        </ul>
      )}
    </Part>
  );
}

function bound(service: ServiceOut): string {
  return service.latency_bound_ms === null ? t.service.noBound : t.service.atMost(ms(service.latency_bound_ms));
}

interface No {
  said: Partial<ProblemOut>;
  words: string;
  busy: boolean;
  /** What the button of an offer says. */
  act: string;
  take: (offer: OfferOut) => void;
}

export function Refused({ said, words, busy, act, take }: No) {
  const store = useStore();
  const binding = said.binding ?? null;
  const offers: readonly OfferOut[] = said.offers ?? [];
  return (
    <Part title={t.order.refused}>
      <p class="no" data-binding={binding?.constraint ?? said.code} tabIndex={-1}>
        {called(store, binding === null ? words : sentence(binding.message))}
      </p>
      {binding !== null && <Facts of={where(store, binding)} />}
      {offers.length > 0 && <h3 class="offers">{t.order.offers}</h3>}
      {binding !== null && offers.length === 0 && <p class="nothing">{t.order.noOffers}</p>}
      <ul class="cards">
        {offers.map((offer) => (
          <li key={offer.message}>
            <button class="card" type="button" disabled={busy} onClick={() => take(offer)}>
              <b>{sentence(called(store, offer.message))}</b>
              <span>{t.order.oneWay(ms(offer.latency_ms))}</span>
              <span class="take">{act}</span>
            </button>
          </li>
        ))}
      </ul>
    </Part>
  );
}

function where(store: State, binding: BindingOut): [string, string | null][] {
  return [
    [t.order.at.what, t.order.constraints[binding.constraint] ?? binding.constraint],
    [t.order.at.link, binding.link == null ? null : wayOf(store, binding.link)],
    [t.order.at.site, binding.site == null ? null : siteName(store, binding.site)],
    [t.order.at.when, binding.at == null ? null : date(binding.at)],
    [t.order.at.free, binding.available_gbps == null ? null : gbps(binding.available_gbps)],
    [t.order.at.least, binding.least_latency_ms == null ? null : ms(binding.least_latency_ms)],
    [t.order.at.outside, (binding.outside ?? []).join(", ")],
    [t.order.at.groups, (binding.risk_groups ?? []).map((group) => called(store, group)).join(", ")],
  ];
}

/** The ways that it would take, beside those that it has; or what stands in the way, where it is. */
export function overlayOf(state: State, answered: Answered, ends: readonly string[]): Overlay {
  if (answered.state === "no") {
    const binding = answered.said.binding ?? null;
    const routes = binding === null ? [] : placesOf(state, binding, ends);
    return { said: answered.words, lost: new Set(), loads: new Map(), routes };
  }
  const { service } = answered;
  const ways = waysOf(service).flatMap(({ there }) => (there === null ? [] : [there]));
  const spare = service.backup?.there ?? null;
  return {
    said: `${t.order.fits} ${gbps(service.bandwidth_gbps)}, ${ms(service.there?.latency_ms)}`,
    lost: new Set(),
    loads: new Map(),
    routes: [
      ...(spare === null ? [] : [{ service: "", way: "spare" as const, sites: spare.sites, links: spare.links }]),
      ...ways.map((path) => ({ service: "", way: "would" as const, sites: path.sites, links: path.links })),
    ],
  };
}

/** Where a constraint lies: a tenant knows no links, and a link's id tells its ends. */
function placesOf(state: State, binding: BindingOut, ends: readonly string[]): Route[] {
  const { atlas } = state;
  const route = (sites: readonly string[], links: readonly string[]): Route => ({ service: "", way: "binds", sites, links });
  if (binding.link != null) {
    const known = atlas?.link.get(binding.link);
    const at = known === undefined ? binding.link.replace(/#.*$/, "").split(">") : [known.tail, known.head];
    if (at.every((one) => atlas?.site.has(one) === true)) return [route(at, known === undefined ? [] : [known.id])];
  }
  // What shares a risk, or lies outside: an operator sees which fibres those are.
  const groups = new Set(binding.risk_groups ?? []);
  const outside = new Set(binding.outside ?? []);
  const fibres = (atlas?.network.fibres ?? []).filter(
    (fibre) => fibre.risk_groups.some((group) => groups.has(group)) || fibre.jurisdictions.some((code) => outside.has(code)),
  );
  const links = fibres.flatMap((fibre) => atlas?.linksOn.get(fibre.id) ?? []);
  if (links.length > 0) return links.map((link) => route([link.tail, link.head], [link.id]));
  if (binding.site != null) return [route([binding.site, binding.site], [])];
  // What lies at no one place, like a bound that no way keeps, lies between the ends.
  return ends.every((one) => atlas?.site.has(one) === true) ? [route(ends, [])] : [];
}
