// A part of a sheet under a title of its own.
import type { ComponentChildren } from "preact";

export function Part({ title, count = 0, children }: { title: string; count?: number; children: ComponentChildren }) {
  return (
    <section class="part" data-list={title}>
      <h3>
        {title} {count > 0 && <span class="count">{count}</span>}
      </h3>
      {children}
    </section>
  );
}
