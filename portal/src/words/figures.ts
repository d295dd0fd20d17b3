// Numbers and times as a person reads them: units always, the viewer's own zone, and the page's longer sentences.

const plain = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const fine = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
const finest = new Intl.NumberFormat("en", { maximumFractionDigits: 2 });
const hundredths = new Intl.NumberFormat("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const hours = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const days = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const day = new Intl.DateTimeFormat("en-GB", {
  day: "numeric",
  month: "short",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
});

/** About three digits that mean something. */
export function figure(value: number): string {
  const size = Math.abs(value);
  return (size >= 100 ? plain : size >= 10 ? fine : finest).format(value);
}

export function gbps(value: number): string {
  return Math.abs(value) >= 10_000 ? `${figure(value / 1000)} Tbit/s` : `${figure(value)} Gbit/s`;
}

export function ms(value: number | null | undefined): string {
  if (value === null || value === undefined) return "–";
  return value >= 10_000 ? `${figure(value / 1000)} s` : `${figure(value)} ms`;
}

export function km(value: number): string {
  return `${plain.format(value)} km`;
}

export function percent(share: number): string {
  const value = share * 100;
  return `${value > 0 && value < 10 ? fine.format(value) : plain.format(value)} %`;
}

/** A share with two decimals, where small changes matter. */
export function exactPercent(share: number): string {
  return `${hundredths.format(share * 100)} %`;
}

/** A sentence begins with a capital, also where the API's begins without. */
export function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

export function people(count: number): string {
  return count >= 1e6 ? `${figure(count / 1e6)} million` : plain.format(count);
}

/** Where figures come from, and at which scale: `modelled by the twin`, `measured on Linux routers, 1:1000`. */
export function takenOn(fabric: string, scale: number): string {
  if (fabric === "twin") return "modelled by the twin";
  const what = fabric === "linux" ? "Linux routers" : fabric;
  return `measured on ${what}${scale === 1 ? "" : `, 1:${Math.round(1 / scale)}`}`;
}

/** What a rate that is shown is carried as; nothing where it is carried as it is. */
export function scaled(scale: number): string {
  if (scale === 1) return "";
  const [value, unit] = scale < 1e-3 ? [scale * 1e6, "kbit/s"] : [scale * 1e3, "Mbit/s"];
  return `1 Gbit/s is carried as ${figure(value)} ${unit}`;
}

const LONG: readonly [number, string][] = [
  [86_400_000, "d"],
  [3_600_000, "h"],
  [60_000, "min"],
  [1000, "s"],
];

/** How long something is that is no measurement: `3 h`, `12 min`. */
export function lasting(time_ms: number): string {
  const [size, unit] = LONG.find(([least]) => time_ms >= least) ?? [1000, "s"];
  return `${fine.format(time_ms / size)} ${unit}`;
}

/** Bytes in decimal units, as links are sold. */
export function bytes(count: number): string {
  const units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
  let value = count;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${figure(value)} ${units[unit] ?? ""}`;
}

export function time(iso: string | number | Date): string {
  return clock.format(new Date(iso));
}

/** A mark on an axis of time that spans so many seconds: the clock within two days, else the day. */
export function clockOf(at_ms: number, span_s: number): string {
  return (span_s <= 2 * 86_400 ? hours : days).format(new Date(at_ms));
}

/** To the millisecond, for time lines of repairs. */
export function exact(iso: string | number | Date): string {
  const at = new Date(iso);
  return `${clock.format(at)}.${String(at.getMilliseconds()).padStart(3, "0")}`;
}

export function date(iso: string | number | Date): string {
  return day.format(new Date(iso));
}

const weekday = new Intl.DateTimeFormat("en-GB", { weekday: "short", day: "numeric" });
const hourly = new Intl.DateTimeFormat("en-GB", { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
const minutes = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });

export function dayOf(iso: string): string {
  return weekday.format(new Date(iso));
}

/** An hour, as `Tue 1 Dec, 14:00–15:00`. */
export function hourOf(start: string, end: string): string {
  return `${hourly.format(new Date(start))}–${minutes.format(new Date(end))}`;
}

/** A stretch of time to the minute. */
export function span(start: string, end: string): string {
  return `${hourly.format(new Date(start))} – ${hourly.format(new Date(end))}`;
}

export function period(start: string, end: string | null): string {
  return end === null ? `from ${date(start)}, open-ended` : `${date(start)} – ${date(end)}`;
}
