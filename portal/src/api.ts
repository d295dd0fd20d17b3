// The page's only way to the backend: GETs with the session's cookie, and the three calls that make and end a session.
import { forget, remember } from "./hint";
import type { Page, ProblemOut } from "./wire";

/** A request that was not done, and what the API says of it. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

async function call(path: string, init: RequestInit): Promise<Response> {
  let answer: Response;
  try {
    answer = await fetch(path, { credentials: "same-origin", ...init });
  } catch {
    throw new Problem(0, "unreachable", "The controller does not answer.");
  }
  if (answer.ok) return answer;
  let said: ProblemOut = {};
  try {
    said = (await answer.json()) as ProblemOut;
  } catch {
    // A proxy's error page is no problem document; the status says enough.
  }
  throw new Problem(answer.status, said.code ?? "", said.detail ?? said.title ?? `HTTP ${answer.status}`);
}

export async function get<T>(path: string): Promise<T> {
  const answer = await call(path, { headers: { accept: "application/json" } });
  return (await answer.json()) as T;
}

/** Every item of a list, page after page. */
export async function all<T>(path: string): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | null = null;
  do {
    const query = new URLSearchParams({ limit: "200" });
    if (cursor !== null) query.set("cursor", cursor);
    const page: Page<T> = await get<Page<T>>(`${path}?${query.toString()}`);
    items.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor !== null);
  return items;
}

export async function signIn(secret: { token: string } | { code: string }): Promise<void> {
  await call("/v1/session", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(secret),
  });
  remember();
}

export async function signOut(): Promise<void> {
  await call("/v1/session", { method: "DELETE" });
  forget();
}
