// Asking what would be while one writes: a moment after the last key, one question at a time, of which only the newest is
// listened to. Whatever the API says is an answer; what it cannot say now is asked again.
import { useEffect, useRef, useState } from "preact/hooks";
import { Problem } from "../../api/client";
import type { ProblemOut, ServiceOut } from "../../api/schema";
import { saidOf } from "../../parts/asked";

export type Answered =
  | { state: "yes"; service: ServiceOut; effects: readonly string[] }
  | { state: "no"; said: Partial<ProblemOut>; words: string };

/** `answered` is of what is written now, or null; `slow` while an answer is awaited for long. */
export interface Preview {
  answered: Answered | null;
  asking: boolean;
  slow: boolean;
}

/** So long after the last key one is asked. */
export const PAUSE_MS = 300;
export const SLOW_MS = 2500;
const AGAIN_MS = 2000;

export function usePreview(key: string | null, run: (signal: AbortSignal) => Promise<Answered>): Preview & { hear: (answer: Answered) => void } {
  const [heard, hear] = useState<{ key: string; answered: Answered } | null>(null);
  const [slow, drag] = useState(false);
  const newest = useRef(run);
  newest.current = run;
  useEffect(() => {
    drag(false);
    if (key === null) return undefined;
    const gone = new AbortController();
    const timers: ReturnType<typeof setTimeout>[] = [];
    const later = (job: () => void, ms: number): void => void timers.push(setTimeout(job, ms));
    const look = async (): Promise<void> => {
      const answered = await newest.current(gone.signal).catch((error: unknown) => {
        if (gone.signal.aborted) return null;
        throw error;
      });
      if (answered === null || gone.signal.aborted) return;
      if (answered.state === "no" && isPassing(answered)) {
        drag(true);
        later(() => void look(), AGAIN_MS);
        return;
      }
      drag(false);
      hear({ key, answered });
    };
    later(() => {
      later(() => drag(true), SLOW_MS);
      void look();
    }, PAUSE_MS);
    return () => {
      gone.abort();
      timers.forEach(clearTimeout);
    };
  }, [key]);
  const answered = heard !== null && heard.key === key ? heard.answered : null;
  return {
    answered,
    asking: key !== null && answered === null,
    slow: slow && key !== null && answered === null,
    hear: (answer) => key !== null && hear({ key, answered: answer }),
  };
}

/** A call's answer, also where it is no. */
export async function heard(call: Promise<ServiceOut | { service: ServiceOut; effects: string[]; dry_run: boolean }>): Promise<Answered> {
  try {
    const answer = await call;
    return "dry_run" in answer
      ? { state: "yes", service: answer.service, effects: answer.effects }
      : { state: "yes", service: answer, effects: [] };
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return { state: "no", said: { code: error.code, status: error.status, ...error.said }, words: saidOf(error) };
  }
}

/** What is no answer to what was asked, and may be one later: too many questions, a controller that is away. */
function isPassing({ said }: { said: Partial<ProblemOut> }): boolean {
  return said.code === "unreachable" || said.code === "slow-down" || (said.status ?? 0) >= 502;
}
