// What a component asks the API for: asked when it appears and when what it is about changes, given up when it goes.
import { useEffect, useState } from "preact/hooks";
import { Problem } from "../api/client";
import { sentence } from "../words/figures";

export type Asked<T> = { state: "loading" } | { state: "failed"; why: string } | { state: "here"; value: T };

/** Asks anew whenever the key changes; `every_ms` asks again all the while, without forgetting what there was. */
export function useAsked<T>(
  key: string,
  ask: (signal: AbortSignal) => Promise<T>,
  every_ms: number | null = null,
): Asked<T> & { again: () => void } {
  const [answer, setAnswer] = useState<{ key: string; asked: Asked<T> }>({ key, asked: { state: "loading" } });
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    const gone = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const look = async (): Promise<void> => {
      let asked: Asked<T>;
      try {
        asked = { state: "here", value: await ask(gone.signal) };
      } catch (error) {
        if (gone.signal.aborted) return;
        asked = { state: "failed", why: saidOf(error) };
      }
      if (gone.signal.aborted) return;
      setAnswer({ key, asked });
      if (every_ms !== null) timer = setTimeout(() => void look(), every_ms);
    };
    void look();
    return () => {
      gone.abort();
      clearTimeout(timer);
    };
  }, [key, turn]);
  const now: Asked<T> = answer.key === key ? answer.asked : { state: "loading" };
  return { ...now, again: () => setTurn((was) => was + 1) };
}

/** What is said of something that went wrong; what is no problem of the API's is thrown on. */
export function saidOf(error: unknown): string {
  if (!(error instanceof Problem)) throw error;
  const first = error.said.findings?.map((one) => `${one.place === "" ? "" : `${one.place}: `}${one.message}`) ?? [];
  return first.length > 0 ? sentence(first.join("; ")) : sentence(error.message);
}
