// Who may order, and where.
import type { PortOut, SiteOut, WhoOut } from "../../api/schema";

const MAY = new Set(["operator", "admin", "member"]);

export function mayOrder(who: WhoOut): boolean {
  return MAY.has(who.role) && (who.scopes === null || who.scopes.includes("services:write"));
}

/** The sites at which somebody has a port, by name. */
export function sitesOf(ports: readonly PortOut[], sites: readonly SiteOut[], tenant: string | null): SiteOut[] {
  const here = new Set(ports.filter((port) => tenant === null || port.tenant === tenant).map((port) => port.site));
  return sites.filter((site) => here.has(site.id)).sort((a, b) => a.name.localeCompare(b.name));
}
