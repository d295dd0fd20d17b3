// Services, incidents and fibres, listed.
import { count } from "./count";

export const lists = {
  title: "Lists",
  filter: "Filter",
  filterSaid: "Filter the list",
  ended: "ended too",
  services: "Services",
  incidents: "Incidents",
  fibres: "Fibres",
  more: (n: number) => `${count(n, "more", "more")}: filter to see them.`,
  noMatch: (what: string) => `Nothing matches “${what}”.`,
  noIncidents: "Nothing has failed, and nothing is being drained.",
  noFibres: "This network has no fibres.",
  noServices: "No services yet.",
  first: "Order the first one, and its path lights up here:",
  orderOne: "Order one here",
  command: "highroad service order FROM TO 100G",
  stillDark: "still dark",
  dark: (most: string, counted: boolean) => `${counted ? "" : "< "}${most} dark`,
  noOutage: "no outage",
  noneDark: "nobody was dark",
  unmeasured: "not measured",
  opened: (open: boolean, when: string) => `${open ? "open since" : "closed, of"} ${when}`,
  booked: (moving: number, stuck: number, from: string) =>
    `${count(moving, "service")} to move, ${String(stuck)} stuck · from ${from}`,
  draining: (moved: number, stuck: number, since: string, note: string) =>
    `${count(moved, "service")} moved, ${String(stuck)} stuck · ${since}${note === "" ? "" : ` · ${note}`}`,
} as const;
