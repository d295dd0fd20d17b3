// Links, fibres, sites and incidents, and what one asks and does about them.
import { count } from "./count";

export const MEDIA: Record<string, string> = { smf: "single-mode fibre", hollow_core: "hollow core" };

/** What a failure would do to a service, by `outcome` of the API. */
export const OUTCOMES: Record<string, string> = {
  dark: "dark",
  slow: "carried, past its bound",
  moved: "moved to another path",
  backup: "onto its backup at once",
  stays: "stays where it is",
  unprotected: "unprotected afterwards",
};

/** What a service holds of a link, by `use` of the API. */
export const USES: Record<string, string> = {
  carried: "carried",
  leaving: "leaving",
  detour: "detour of a maintenance",
  standby: "backup stands by",
};

export const REASONS: Record<string, string> = {
  light: "no light",
  silent: "light, and nothing is heard",
  "one-way": "heard one way only",
  loss: "too much is lost",
};

export const panel = {
  missing: "Not here",
  missingSaid: (kind: string, id: string) => `There is no ${kind} “${id}” that you may see. It may have been removed.`,
  sides: "Sides",
  loading: "Reading…",
  slow: "It takes longer than usual, and goes on by itself: all else can be used meanwhile.",
  again: "Try again",
  unread: (why: string) => `It could not be read: ${why}`,
  none: "None.",
  showOnMap: "Show on the map",
} as const;

export const site = {
  jurisdiction: "Jurisdiction",
  operator: "Operator",
  carbon: "Carbon",
  carbonIs: (g: number) => `${String(Math.round(g))} g CO₂e/kWh`,
  position: "Position",
  links: "Links from it",
  noLinks: "No link leaves it.",
  services: "Services that end here",
  noServices: "None now.",
  to: (name: string) => `to ${name}`,
  from: (name: string) => `from ${name}`,
  now: "Now",
  drain: "Drain",
  cut: "What if it failed?",
  orderFrom: "Order from here",
  ports: "Ports",
  noPorts: "No tenant has a port here.",
  noPortsOfYours: "You have no port here, so you cannot order from it.",
  portOf: (port: string, tenant: string) => `${tenant} · ${port}`,
  portUse: (used: string, rate: string, mtu: number) => `${used} of ${rate}, MTU ${String(mtu)}`,
  capacity: "Joined by",
  capacityIs: (links: number, rate: string) => `${count(links, "link")}, ${rate} out`,
} as const;

export const link = {
  what: "Link",
  now: "Now",
  time: "Over time",
  ahead: "Booked ahead",
  heat: "Who heats it",
  drain: "Drain",
  capacity: "Capacity",
  eachWay: (rate: string) => `${rate} each way`,
  booked: "Booked now",
  bookedThen: (rate: string) => `booked: ${rate}`,
  unknown: "not known",
  bookedIs: (there: string, back: string | null) => (back === null ? `${there} there` : `${there} there, ${back} back`),
  latency: "Latency",
  oneWay: (ms: string) => `${ms} one way`,
  price: "Shadow price",
  priceIs: (fall: string) => `the fullest link would be ${fall} less full for each Gbit/s more of it`,
  hardly: "less than 0.01 %",
  noPrice: "0: more of it would relieve nothing",
  fibres: "Fibres",
  groups: "Risk groups",
  noGroups: "It shares no conduit that we know of.",
  services: "Services crossing it",
  noServices: "No service crosses it now.",
  chart: (what: string) => `Carried on ${what}, Gbit/s`,
  chartUnit: (what: string) => `Gbit/s carried on ${what} and back; times in your zone.`,
  carried: "Carried, mean",
  most: "Most",
  noHistory: "Nothing was measured of it in that time.",
  calendar: "Claimed, in reserve and free of it, for the week ahead",
  claimed: "Claimed",
  reserve: "Reserve for backups",
  closed: "Closed for maintenance",
  holders: "Who holds it",
  noHolders: "Nobody holds any of it in this week.",
  byClass: "By class",
  heater: (offered: string, share: string) => `${offered} · ${share} of it`,
} as const;

export const fibre = {
  what: "Fibre",
  now: "Now",
  cut: "What if it were cut?",
  drain: "Drain",
  length: "Length",
  medium: "Medium",
  light: "Light takes",
  crosses: "Crosses",
  carries: "Carries",
  links: "Links on it",
  noLinks: "No link runs over it.",
  groups: "Risk groups",
  noGroups: "It shares no conduit that we know of.",
} as const;

export const whatIf = {
  intro: "What the controller would do, worked out on a copy. Nothing is touched.",
  asking: "Working it out…",
  none: "No service would be touched.",
  would: (n: number) => `Services touched: ${String(n)}`,
  outcome: (what: string, n: number, rate: string) => `${String(n)} ${what} · ${rate}`,
  effects: "Who, and what becomes of it",
  fullest: "Links that would be fuller",
  short: "Links that would fall short",
  noFullest: "No link in use would be fuller than now.",
  fuller: (before: string, after: string) => `${before} → ${after}`,
  cutIt: "Cut it in the lab",
  cutSaid: "This breaks it: routers lose the light, and repair what they carry.",
  mend: "Splice it",
  cutDone: "It is cut.",
  already: "It is dark already.",
  noLab: "This network is no lab: nothing can be cut here.",
  confirm: "Cut it now",
  keep: "Leave it",
  outages: "How long services were dark",
  waiting: "Waiting for the incident…",
  said: (lost: number, moved: number) => `${count(lost, "link")} would be lost, ${count(moved, "service")} would move.`,
} as const;

export const drain = {
  intro: "Traffic is moved away first, nothing is lost. Preview it, then drain.",
  preview: "Preview",
  go: (target: string) => `Drain ${target}`,
  end: "End the drain",
  moving: "Would move",
  moved: "Moved",
  stuck: "Would stay, and why",
  nobody: "Nobody.",
  over: "Over",
  under: (state: string) => `A drain is ${state.toLowerCase()}.`,
} as const;

export const incident = {
  what: "Incident",
  untitled: "Failure in the network",
  opened: "Opened",
  closed: "Closed",
  stillOpen: "still open",
  dark: "Services that it struck",
  noDark: "No service was touched.",
  notDark: "not dark",
  unmeasured: "not measured",
  modelled: "How long each was dark is modelled by the twin: where routers have a way around at hand, it is taken at once.",
  fibres: "Fibres",
  line: "Time line",
  noLine: "Nothing yet.",
  stillDark: "still dark",
  now: (state: string) => `now ${state}`,
  inUse: "in use again",
  good: (wait_s: number) => `good again, to be used after ${String(wait_s)} s without a fault`,
} as const;

export const contour = {
  title: "Latency reach",
  intro: "How far light comes from here along the network's own fibre, links that are down left out.",
  way: "Time",
  ways: { one: "One way", both: "Round trip" },
  within: (time: string) => `within ${time}`,
  beyond: (time: string) => `beyond ${time}`,
  never: "not reached",
  site: "Site",
  time: "Time",
  band: "Band",
  table: (name: string, trip: string) => `Sites by time from ${name}, ${trip.toLowerCase()}`,
  sites: (n: number) => count(n, "site"),
  said: (name: string, bands: string) => `How far light comes from ${name}: ${bands}.`,
} as const;

export const worth = {
  title: "Worth",
  price: "Shadow price",
  another: (rate: string, link: string) => `Another ${rate} on ${link}`,
  more: "More, each way",
  asking: "Working it out…",
  carries: (rate: string) => `carries ${rate} more, both ways counted.`,
  nothing: "carries nothing more: something else is full before it.",
  fits: "Grows to",
  times: (before: string, after: string) => `${before} → ${after} times what is admitted`,
  fullest: "Fullest link when all is placed anew",
  lost: "Does not fit now",
  wait: "What stands in the way",
  priceShort: (fall: string) => `−${fall} per Gbit/s`,
  noWait: "Nothing: more of any link would relieve nothing.",
  note: "All that is admitted at the busiest time of the next week, placed anew with it and without it.",
  unlimited: "Nothing is admitted: there is room for anything.",
} as const;
