// What the map is told to show, worked out from what is known: states and loads of links, routes, and what is selected.
import type { LinkOut, PathOut, ServiceOut } from "../api/schema";
import { opposite } from "../state/atlas";
import { faultsAt, stateOf, type LinkState } from "../state/faults";
import { carriedOn, live, waysOf } from "../state/services";
import type { Route, Store } from "../state/store";
import { load } from "./ramp";

export interface Lit {
  state: LinkState;
  /** Of the capacity; 0 where it is not known. */
  share: number;
}

/** How every link is: now, at the moment that is chosen, or as it would be. */
export function lights(store: Store): (link: LinkOut) => Lit {
  const { faults, overlay } = store;
  const at = store.address.at;
  if (at !== null) {
    const then = faultsAt(Date.parse(at), store.incidents, store.maintenances);
    const moment = store.moment?.at === at ? store.moment : null;
    return (link) => {
      const state = stateOf(link, then);
      return {
        state: state === "up" && moment?.down.has(link.id) === true ? "down" : state,
        share: load(moment?.carried.get(link.id) ?? 0, link.capacity_gbps),
      };
    };
  }
  return (link) => ({
    state: overlay?.lost.has(link.id) === true ? "down" : stateOf(link, faults),
    share: overlay?.loads.get(link.id) ?? load(carriedOn(store, link.id), link.capacity_gbps),
  });
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
 * What an overlay draws; else the selected service's paths, a backup's too; a tenant, who sees no links, sees the paths of all
 * its services, and is told so by the second value.
 */
export function routes(store: Store): [readonly Route[], boolean] {
  const { selection, overlay } = store;
  if (overlay !== null && overlay.routes.length > 0) return [overlay.routes, false];
  const chosen = selection?.kind === "service" ? store.services.get(selection.id) : undefined;
  if (chosen !== undefined) return [routesOf(chosen), false];
  if (store.operator) return [[], false];
  return [live(store).flatMap(routesOf), true];
}

function routesOf(service: ServiceOut): Route[] {
  const of = (way: Route["way"], path: PathOut | null): Route[] =>
    path === null ? [] : [{ service: service.id, way, sites: path.sites, links: path.links }];
  return [
    ...of("spare", service.backup?.there ?? null),
    ...waysOf(service).flatMap(({ there, back }) => [...of("there", there), ...of("back", back)]),
  ];
}
