// Services and links as rows of a list, wherever they are listed.
import type { LinkOut, ServiceOut } from "../api/schema";
import type { Item } from "../parts/Items";
import { stateNow } from "../state/services";
import { siteName, type State } from "../state/store";
import { gbps } from "../words/figures";

export function ends(state: State, service: ServiceOut): string {
  return `${siteName(state, service.from.site)} – ${siteName(state, service.to.site)}`;
}

export function way(state: State, link: Pick<LinkOut, "tail" | "head">): string {
  return `${siteName(state, link.tail)} → ${siteName(state, link.head)}`;
}

/** A link by its ends, also one that is not there any more. */
export function wayOf(state: State, id: string): string {
  const link = state.atlas?.link.get(id);
  return link === undefined ? id : way(state, link);
}

export function serviceItem(state: State, service: ServiceOut, note = gbps(service.bandwidth_gbps)): Item {
  return { title: ends(state, service), note, state: stateNow(state, service), to: { kind: "service", id: service.id } };
}

/** A service by its id, perhaps one that we do not know. */
export function serviceItemOf(state: State, id: string, note: string, dot?: string): Item {
  const service = state.services.get(id);
  const item = service === undefined ? { title: id, note } : serviceItem(state, service, note);
  return { ...item, ...(dot === undefined ? {} : { state: dot }), to: { kind: "service", id } };
}

/** A link for each hop between sites, none of those that are lost; shorter where there is none. */
export function linksAlong(state: State, sites: readonly string[], lost: ReadonlySet<string>): string[] {
  return sites.slice(1).flatMap((head, hop) => {
    const here = (state.atlas?.linksAt.get(sites[hop] ?? "") ?? []).filter(
      (link) => link.tail === sites[hop] && link.head === head && !lost.has(link.id),
    );
    return here[0] === undefined ? [] : [here[0].id];
  });
}
