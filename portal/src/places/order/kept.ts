// What one was writing outlives the page: a session that ends, a reload, a sign-in elsewhere. It stays in this tab, is
// there for the same tenant and role only, and goes when one signs out.
import type { WhoOut } from "../../api/schema";
import { empty, type Draft } from "./draft";

const PREFIX = "highroad.order.";

interface Kept {
  draft: Draft;
  /** The key under which an order was sent whose answer has not come, and what it said. */
  sent: Sent | null;
}

export interface Sent {
  key: string;
  body: string;
}

export function recall(who: WhoOut): Kept {
  try {
    const found = JSON.parse(sessionStorage.getItem(nameOf(who)) ?? "null") as Partial<Kept> | null;
    if (found?.draft !== undefined) return { draft: { ...empty(), ...found.draft }, sent: found.sent ?? null };
  } catch {
    // A browser that keeps nothing, or something that is not ours.
  }
  return { draft: empty(), sent: null };
}

export function keep(who: WhoOut, kept: Kept): void {
  try {
    sessionStorage.setItem(nameOf(who), JSON.stringify(kept));
  } catch {
    // Then it lasts as long as the page.
  }
}

export function drop(): void {
  try {
    for (const name of Object.keys(sessionStorage)) if (name.startsWith(PREFIX)) sessionStorage.removeItem(name);
  } catch {
    // Nothing was kept.
  }
}

/** The key of an order: the same one for as long as it is the same order, so that it is made once however often it is sent. */
export function keyed(body: string, sent: Sent | null): Sent {
  return sent !== null && sent.body === body ? sent : { key: fresh(), body };
}

/** Of random bits, also where a page has no secure context. */
function fresh(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function nameOf({ role, tenant }: WhoOut): string {
  return `${PREFIX}${tenant === null ? "" : tenant}.${role}`;
}
