// The page's only way to the backend: what may be asked, and what comes back, is the OpenAPI document's word. The session is
// a cookie that no script sees; what changes something says besides, in a header that no other site can send, that it is us.
import type { Calls, ProblemOut } from "./schema";
import { t } from "../words/en";
import { forget, remember } from "./session";

export type Call = keyof Calls;
type Given<C extends Call> = Pick<Calls[C], Wanted<C>> &
  Partial<Pick<Calls[C], "query">> & { signal?: AbortSignal; headers?: Record<string, string> };
/** What a call cannot do without: its path's names and its body, where it has them. */
type Wanted<C extends Call> =
  | (Calls[C]["path"] extends Record<string, never> ? never : "path")
  | (Calls[C]["body"] extends undefined ? never : "body");
type Rest<C extends Call> = [Wanted<C>] extends [never] ? [given?: Given<C>] : [given: Given<C>];
/** A list that comes in pages. */
export type Paged = {
  [C in Call]: Calls[C]["answer"] extends { items: unknown[]; next_cursor: string | null } ? C : never;
}[Call];
export type Item<C extends Paged> = Calls[C]["answer"] extends { items: (infer I)[] } ? I : never;

/** Only our own page can send it: another site's script would have to be allowed to, and none is. */
export const OURS = "X-Highroad-Page";
/** As many of a list at once as the API gives. */
const PAGE = 1000;

/** A request that was not done, and what the API says of it. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    /** The whole of it: findings, counter-offers, whatever the code comes with. */
    readonly said: Partial<ProblemOut> & Record<string, unknown> = {},
  ) {
    super(message);
  }
}

/** One call, with its answer; without a body it answers undefined. Raises Problem. */
export async function ask<C extends Call>(call: C, ...[given]: Rest<C>): Promise<Calls[C]["answer"]> {
  const [method = "GET"] = call.split(" ", 1);
  const { path, query, body, signal, headers } = (given ?? {}) as {
    path?: Record<string, string>;
    query?: Record<string, unknown>;
    body?: unknown;
    signal?: AbortSignal;
    headers?: Record<string, string>;
  };
  const init: RequestInit = { method, credentials: "same-origin", headers: { accept: "application/json", ...headers } };
  if (signal !== undefined) init.signal = signal;
  if (method !== "GET") init.headers = { ...init.headers, [OURS]: "1" };
  if (body !== undefined) {
    init.headers = { ...init.headers, "content-type": "application/json" };
    init.body = JSON.stringify(body);
  }
  const answer = await send(address(call, path, query), init);
  if (answer.status === 204) return undefined as Calls[C]["answer"];
  return (await answer.json()) as Calls[C]["answer"];
}

/** Every item of a list, page after page; each page is told as it comes. Raises Problem. */
export async function all<C extends Paged>(
  call: C,
  asked: Calls[C]["query"] | null = null,
  each: (some: Item<C>[]) => void = () => undefined,
): Promise<Item<C>[]> {
  const items: Item<C>[] = [];
  let cursor: string | null = null;
  do {
    const query: Record<string, unknown> = { ...asked, limit: PAGE, cursor };
    const answer = await send(address(call, undefined, query), { credentials: "same-origin" });
    const page = (await answer.json()) as { items: Item<C>[]; next_cursor: string | null };
    items.push(...page.items);
    each(page.items);
    cursor = page.next_cursor;
  } while (cursor !== null);
  return items;
}

/** The address of a call: names of its path filled in, and its query; what is null or left out is not asked. */
export function address(call: Call, path: Record<string, string> = {}, query: Record<string, unknown> = {}): string {
  const template = call.slice(call.indexOf(" ") + 1);
  const filled = template.replace(/{([^}]+)}/g, (_, name: string) => encodeURIComponent(path[name] ?? ""));
  const asked = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined && one !== null) asked.append(name, String(one));
    }
  }
  const text = asked.toString();
  return text === "" ? filled : `${filled}?${text}`;
}

let ended: () => void = () => undefined;

/** Calls back when a call finds that nobody is signed in any more. */
export function whenEnded(run: () => void): void {
  ended = run;
}

export async function signIn(secret: { token: string } | { code: string }): Promise<void> {
  await ask("POST /v1/session", { body: secret });
  remember();
}

export async function signOut(): Promise<void> {
  await ask("DELETE /v1/session");
  forget();
}

async function send(to: string, init: RequestInit): Promise<Response> {
  let answer: Response;
  try {
    answer = await fetch(to, init);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Problem(0, "unreachable", t.app.unreachable);
  }
  if (answer.ok) return answer;
  let said: Partial<ProblemOut> & Record<string, unknown> = {};
  try {
    said = (await answer.json()) as typeof said;
  } catch {
    // A proxy's error page is no problem document; the status says enough.
  }
  if (answer.status === 401 && !to.startsWith("/v1/session")) ended();
  const words = said.detail ?? said.title ?? `HTTP ${String(answer.status)}`;
  throw new Problem(answer.status, said.code ?? "", words, said);
}
