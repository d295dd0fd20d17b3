// What was asked for, or that it is being asked, or why it is not here and what to do then.
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { t } from "../words/en";
import type { Asked } from "./asked";

interface Props<T> {
  of: Asked<T> & { again: () => void };
  /** What is said while it is asked for. */
  asking?: string;
  /** What the style sheet calls the room that is kept meanwhile for what will be here. */
  room?: string;
  children: (value: T) => ComponentChildren;
}

/** After so long it is said that it takes long, and what one can do meanwhile. */
const SLOW_MS = 3000;

export function Answer<T>({ of, asking = t.panel.loading, room, children }: Props<T>) {
  if (of.state === "loading") return <Waiting said={asking} room={room} />;
  if (of.state === "failed")
    return (
      <div class="nothing" role="alert">
        <span>{t.panel.unread(of.why)}</span>
        <button class="second" type="button" onClick={of.again}>
          {t.panel.again}
        </button>
      </div>
    );
  return <>{children(of.value)}</>;
}

function Waiting({ said, room }: { said: string; room: string | undefined }) {
  const [slow, grow] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => grow(true), SLOW_MS);
    return () => clearTimeout(timer);
  }, []);
  return (
    <p class="nothing" role="status" data-room={room}>
      {said} {slow && t.panel.slow}
    </p>
  );
}
