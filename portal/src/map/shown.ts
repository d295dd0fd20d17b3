// What the map is told to show, worked out from what is known: states and loads of links, routes, and what is selected.
import type { LinkOut, PathOut, ServiceOut } from "../api/schema";
import { opposite } from "../state/atlas";
import { linksAlong } from "../panels/rows";
import { faultsAt, faultsBooked, stateOf, type LinkState } from "../state/faults";
import { carriedOn, live, waysOf } from "../state/services";
import type { Moment, Overlay, Route, Store } from "../state/store";
import { movesAt } from "../state/story";
import { openAt } from "../state/turns";
import { load } from "./ramp";

export interface Lit {
  state: LinkState;
  /** Of the capacity; 0 where it is not known. */
  share: number;
  /** Gbit/s carried, or booked; null where it is not known. */
  gbps: number | null;
}

/** How every link is: now, at the moment that is chosen, or as it would be. */
export function lights(store: Store): (link: LinkOut) => Lit {
  const { faults, overlay, at_ms } = store;
  if (at_ms !== null) {
    const then = store.ahead ? faultsBooked(at_ms, store.maintenances) : faultsAt(at_ms, store.incidents, store.maintenances);
    const moment = momentAt(store.moment, at_ms, store.ahead);
    const told = moment === null ? NONE : failedIn(store.incidents, moment);
    // What an incident tells of is told to the millisecond; what was sampled, of a whole step.
    const dark = (link: LinkOut): boolean => moment?.down.has(link.id) === true && !link.fibres.some((fibre) => told.has(fibre));
    return (link) => {
      const state = stateOf(link, then);
      const gbps = moment?.gbps.get(link.id) ?? null;
      return {
        state: state === "up" && dark(link) ? "down" : state,
        share: load(gbps ?? 0, link.capacity_gbps),
        gbps,
      };
    };
  }
  return (link) => {
    const would = overlay?.loads.get(link.id);
    const gbps = would === undefined ? carriedOn(store, link.id) : would * link.capacity_gbps;
    return {
      state: wouldBe(overlay, link.id) ?? stateOf(link, faults),
      share: would ?? load(gbps, link.capacity_gbps),
      gbps,
    };
  };
}

/** What a link would be by what is drawn over the map; null where that says nothing of it. */
function wouldBe(overlay: Overlay | null, link: string): LinkState | null {
  if (overlay?.lost.has(link) === true) return "down";
  return overlay?.drained?.has(link) === true ? "drained" : null;
}

/** The fibres that incidents tell of in a stretch of time. */
function failedIn(incidents: Store["incidents"], { from_ms, until_ms }: Moment): ReadonlySet<string> {
  const met = incidents.filter(
    ({ opened, closed }) => Date.parse(opened) < until_ms && (closed === null || Date.parse(closed) > from_ms),
  );
  return new Set(met.flatMap((incident) => incident.fibres));
}

/** What is known of an instant: nothing of another one, and nothing that was measured of one to come. */
function momentAt(moment: Moment | null, at_ms: number, ahead: boolean): Moment | null {
  if (moment === null || (moment.kind === "booked") !== ahead) return null;
  return moment.from_ms <= at_ms && at_ms < moment.until_ms ? moment : null;
}

/** What on the map belongs to the selection. */
export function touched(store: Store): { links: Set<string>; sites: Set<string> } {
  const { selection, atlas } = store;
  const links = new Set<string>();
  const sites = new Set<string>();
  if (selection === null || atlas === null) return { links, sites };
  switch (selection.kind) {
    case "site":
      sites.add(selection.id);
      break;
    case "link": {
      const link = atlas.link.get(selection.id);
      if (link === undefined) break;
      for (const id of [link.id, opposite(atlas, link)?.id]) if (id !== undefined) links.add(id);
      sites.add(link.tail).add(link.head);
      break;
    }
    case "fibre":
      for (const link of atlas.linksOn.get(selection.id) ?? []) {
        links.add(link.id);
        sites.add(link.tail).add(link.head);
      }
      break;
    case "incident":
      for (const fibre of store.incidents.find((incident) => incident.id === selection.id)?.fibres ?? []) {
        for (const link of atlas.linksOn.get(fibre) ?? []) links.add(link.id);
      }
      break;
    case "service": {
      const service = store.services.get(selection.id);
      if (service !== undefined) sites.add(service.from.site).add(service.to.site);
      break;
    }
  }
  return { links, sites };
}

/**
 * What an overlay draws; else who moved in the failure that is looked back at; else the selected service's paths, a backup's too; a tenant, who sees no links, sees the paths of all
 * its services, and is told so by the second value.
 */
export function routes(store: Store): [readonly Route[], boolean] {
  const { selection, overlay } = store;
  if (overlay !== null && overlay.routes.length > 0) return [overlay.routes, false];
  const moved = movesAt(store);
  if (moved.length > 0) {
    const along = moved.map((route) => ({ ...route, links: linksAlong(store, route.sites, NONE) }));
    return [along, false];
  }
  const chosen = selection?.kind === "service" ? store.services.get(selection.id) : undefined;
  if (chosen !== undefined) return [routesOf(chosen), false];
  if (store.operator) return [[], false];
  const { at_ms } = store;
  const there = live(store).filter((service) => at_ms === null || openAt(service, at_ms));
  return [there.flatMap(routesOf), true];
}

const NONE: ReadonlySet<string> = new Set();

function routesOf(service: ServiceOut): Route[] {
  const of = (way: Route["way"], path: PathOut | null): Route[] =>
    path === null ? [] : [{ service: service.id, way, sites: path.sites, links: path.links }];
  return [
    ...of("spare", service.backup?.there ?? null),
    ...waysOf(service).flatMap(({ there, back }) => [...of("there", there), ...of("back", back)]),
  ];
}
