// What frames the page: signing in, the line on top, the map and its key, the table.
import { count } from "./count";

export const KINDS: Record<string, { one: string; title: string }> = {
  campus: { one: "a training campus", title: "Campus" },
  cloud: { one: "a cloud on-ramp", title: "Cloud on-ramp" },
  edge: { one: "an edge site", title: "Edge" },
  enterprise: { one: "an enterprise", title: "Enterprise" },
  pop: { one: "a point of presence", title: "PoP" },
};

export function kindTitle(kind: string): string {
  return KINDS[kind]?.title ?? kind;
}

export const app = { map: "Map of the network", places: "Places", lists: "Services, incidents and fibres", close: "Close", reading: "Reading the network…", skip: "To the map", unreachable: "The controller does not answer." } as const;

export const signIn = {
  title: "Highroad",
  token: "Token",
  go: "Sign in",
  failed: "That did not work.",
  hint: "highroad up prints a token, and a link that signs you in by itself.",
  spent: "This link is not valid any more; sign in with a token.",
  openid: "Sign in with your organisation",
  or: "or with a token",
  refused: (code: string) =>
    code === "forbidden"
      ? "You are known there, and may do nothing here: none of your groups has a role."
      : code === "unavailable"
        ? "The identity provider does not answer. Try again in a moment, or sign in with a token."
        : "The identity provider did not sign you in. Try again.",
  ended: "Your session has ended. Sign in, and go on where you were: what you wrote is kept.",
} as const;

export const header = {
  rail: "Show or hide the lists",
  leave: "Sign out",
  carried: (tera: boolean) => (tera ? "Tbit/s carried" : "Gbit/s carried"),
  active: "active",
  degraded: "degraded",
  connecting: "connecting",
  live: "live",
  stale: (since: string) => `stale since ${since}`,
  apart: (time: string, ahead: boolean) =>
    `Your clock is ${time} ${ahead ? "ahead of" : "behind"} the controller's. Times here are by the controller's.`,
  then: (at: string) => `as of ${at}`,
  ahead: (at: string) => `booked for ${at}`,
  sites: (n: number) => count(n, "site"),
  links: (n: number) => count(n, "link"),
} as const;

export const controls = { in: "Zoom in", out: "Zoom out", home: "Show the whole network" } as const;

export const views = { title: "View", of: { map: "Map", logical: "Logical", table: "Table" } } as const;

export const legend = {
  title: "Legend",
  ramp: "Load, % of capacity; width: capacity",
  booked: "Booked, % of capacity; width: capacity",
  bookedSaid: "Booked of a link: nothing, then up to 10, 25, 50, 75, 90 and 100 per cent",
  notMeasured: "Booked in the calendar, reserve for backups included; not measured.",
  rampSaid: "Load of a link: idle, then up to 10, 25, 50, 75, 90 and 100 per cent",
  idle: "idle",
  moving: "traffic moving, faster the fuller",
  down: "down",
  drained: "drained",
  preview: "preview",
  previewSaid: "Nothing is done: load, states and ways are as they would be.",
  taken: (how: string, scale: string) => `All rates are ${how}${scale === "" ? "" : `: ${scale}`}.`,
} as const;

export const reach = {
  label: "Within 5 ms RTT of an edge site",
  loading: "Measuring…",
  failed: "The reach could not be read. Switch it off and on to ask again.",
  of: (people: string, rtt_ms: number) => ` of ${people} people are within ${String(rtt_ms)} ms round trip of an edge site.`,
  without: (names: string) => ` Left out: ${names}.`,
} as const;

export const chart = { time: "Time" } as const;

export const spans = { hour: "Hour", day: "Day", month: "Month" } as const;

export const places = {
  lists: "Lists",
  order: "Order",
  timeline: "Time line",
  plan: "Plan",
  sweeps: "Sweeps",
  prices: "Prices",
  bills: "Bills",
  transfers: "Transfers",
} as const;

export const table = {
  title: "The network as a table",
  kind: "What",
  links: "Links",
  sites: "Sites",
  columns: { from: "From", to: "To", state: "State", load: "Load", carried: "Carried", then: "Booked then", capacity: "Capacity", booked: "Booked now", latency: "Latency", name: "Name", kind: "Kind", jurisdiction: "Jurisdiction", degree: "Links" },
  more: (n: number) => `${count(n, "more", "more")}: filter to see them.`,
} as const;

export const map = {
  sites: "Sites",
  links: "Links",
  routes: "Paths",
  site: (name: string, kind: string) => `${name}, ${kind}`,
  link: (from: string, to: string, state: string, most: number | null) =>
    `${from} → ${to}, ${state}, ${most === null ? "idle" : `up to ${String(most)} % full`}`,
  several: (name: string, more: number) => `${name} and ${count(more, "more site")}`,
  route: (way: string, sites: string) => `${way}: ${sites}`,
  ways: {
    there: "there",
    back: "back",
    spare: "backup",
    would: "as it would be",
    was: "as it is",
    becomes: "as planned",
    left: "before the failure",
    took: "after it",
    dark: "dark",
    binds: "what stands in the way",
    leaves: "would leave",
    goes: "would go here instead",
    stuck: "would stay: it cannot be moved",
  },
} as const;
