// What was asked for, or that it is being asked, or why it is not here and what to do then.
import type { ComponentChildren } from "preact";
import { t } from "../words/en";
import type { Asked } from "./asked";

interface Props<T> {
  of: Asked<T> & { again: () => void };
  children: (value: T) => ComponentChildren;
}

export function Answer<T>({ of, children }: Props<T>) {
  if (of.state === "loading") return <p class="nothing" role="status">{t.panel.loading}</p>;
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
