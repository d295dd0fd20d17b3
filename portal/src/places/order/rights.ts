// Who may order, and where.
import type { PortOut, SiteOut, WhoOut } from "../../api/schema";
import type { Option } from "../../parts/Pick";
import { t } from "../../words/en";
import { gbps } from "../../words/figures";

const MAY = new Set(["operator", "admin", "member"]);

export function mayOrder(who: WhoOut): boolean {
  return MAY.has(who.role) && (who.scopes === null || who.scopes.includes("services:write"));
}

/** The ends that a tenant may order at: its sites by name, and its ports, where a site has several of them. */
export function endsOf(ports: readonly PortOut[], sites: readonly SiteOut[], tenant: string): Option[] {
  const names = new Map(sites.map((site) => [site.id, site.name]));
  const at = new Map<string, PortOut[]>();
  for (const port of ports) if (port.tenant === tenant) at.set(port.site, [...(at.get(port.site) ?? []), port]);
  return [...at]
    .map(([site, own]) => ({ site, own, name: names.get(site) ?? site }))
    .sort((a, b) => a.name.localeCompare(b.name))
    .flatMap(({ site, own, name }) => [
      { value: site, title: name, note: own.length > 1 ? t.order.ports(own.length) : gbps(own[0]?.rate_gbps ?? 0) },
      ...(own.length > 1 ? own.map((port) => ({ value: port.id, title: `${name}, ${port.id}`, note: gbps(port.rate_gbps) })) : []),
    ]);
}

/** The port that a tenant has at a site: an order there takes of its room. Of several, one is named by who orders. */
export function portAt(ports: readonly PortOut[], tenant: string, end: string): string {
  const own = ports.filter((port) => port.tenant === tenant && port.site === end);
  return (own.length === 1 ? own[0]?.id : undefined) ?? end;
}

/** For whom an operator orders between two sites: as before where that has ports at both, else the first who does. */
export function holderOf(ports: readonly PortOut[], from: string, to: string, before: string): string {
  const has = (tenant: string): boolean =>
    [from, to].every((end) => end === "" || ports.some((port) => port.tenant === tenant && (port.site === end || port.id === end)));
  const tenants = [...new Set(ports.map((port) => port.tenant))].sort();
  const first = before === "" ? (tenants[0] ?? "") : before;
  return has(first) ? before : (tenants.find(has) ?? before);
}
