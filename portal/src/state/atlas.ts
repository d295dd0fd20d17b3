// The network with its look-ups.
import type { FibreOut, LinkOut, NetworkOut, RiskGroupOut, SiteOut } from "../api/schema";

export interface Atlas {
  network: NetworkOut;
  site: Map<string, SiteOut>;
  fibre: Map<string, FibreOut>;
  link: Map<string, LinkOut>;
  group: Map<string, RiskGroupOut>;
  linksOn: Map<string, LinkOut[]>;
  linksAt: Map<string, LinkOut[]>;
}

export function index(network: NetworkOut): Atlas {
  const linksOn = new Map<string, LinkOut[]>();
  const linksAt = new Map<string, LinkOut[]>();
  const file = (map: Map<string, LinkOut[]>, key: string, link: LinkOut): void => {
    const filed = map.get(key);
    if (filed === undefined) map.set(key, [link]);
    else filed.push(link);
  };
  for (const link of network.links) {
    for (const fibre of new Set(link.fibres)) file(linksOn, fibre, link);
    file(linksAt, link.tail, link);
    file(linksAt, link.head, link);
  }
  return {
    network,
    site: new Map(network.sites.map((site) => [site.id, site])),
    fibre: new Map(network.fibres.map((fibre) => [fibre.id, fibre])),
    link: new Map(network.links.map((link) => [link.id, link])),
    group: new Map(network.risk_groups.map((group) => [group.id, group])),
    linksOn,
    linksAt,
  };
}

/** The link the other way over the same fibres. */
export function opposite(atlas: Atlas | null, link: LinkOut): LinkOut | null {
  const back = JSON.stringify([...link.fibres].reverse());
  const found = atlas?.linksAt
    .get(link.head)
    ?.find((other) => other.tail === link.head && other.head === link.tail && JSON.stringify(other.fibres) === back);
  return found ?? null;
}
