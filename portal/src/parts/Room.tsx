// Room that is kept for what is still being read: never less high than what is mostly there, so that what is under it stays.
import type { ComponentChildren } from "preact";

/** `of` is what the style sheet calls it. */
export function Room({ of, children }: { of: string; children: ComponentChildren }) {
  return (
    <div class="room" data-room={of}>
      {children}
    </div>
  );
}
