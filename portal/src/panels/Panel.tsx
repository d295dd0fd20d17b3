// The panel at the right: the head of what is selected and the side of it that is open.
import { useEffect, useRef } from "preact/hooks";
import { useStore } from "../page";
import { OF_A_SIDE } from "../state/address";
import { go, pick } from "../state/go";
import { t } from "../words/en";
import type { Head, Side } from "./kind";
import { PANELS } from "./registry";

export function Panel() {
  const store = useStore();
  const { selection, tab } = store.address;
  const place = useRef<HTMLElement>(null);
  const key = selection === null ? "" : `${selection.kind} ${selection.id}`;
  useEffect(() => place.current?.scrollTo(0, 0), [key]);
  if (selection === null || store.atlas === null) return null;
  const { kind, id } = selection;
  const panel = PANELS[kind];
  const head = panel.head(store, id);
  if (head === null) {
    const sought = kind === "service" && !store.gone.has(id);
    const lead = sought ? id : t.panel.missingSaid(kind, id);
    return (
      <aside class="panel" ref={place}>
        <section class="sheet" data-panel={sought ? "sought" : "missing"} aria-label={t.panel.missing}>
          <Top what={kind} head={{ title: sought ? t.panel.loading : t.panel.missing, lead }} />
        </section>
      </aside>
    );
  }
  const what = panel.what(store, id);
  const sides = panel.sides.filter(({ shown }) => shown?.(store, id) ?? true);
  const open = sides.find((side) => side.id === tab) ?? sides[0];
  return (
    <aside class="panel" ref={place}>
      <section class="sheet" data-panel={kind} aria-label={what}>
        <Top what={what} head={head} />
        {sides.length > 1 && <Sides sides={sides} open={open} />}
        {open !== undefined && (
          <div class="sheet-body" id="side" role={sides.length > 1 ? "tabpanel" : undefined} data-side={open.id}>
            <open.Body id={id} key={`${key} ${open.id}`} />
          </div>
        )}
      </section>
    </aside>
  );
}

function Top({ what, head: { title, lead, badge } }: { what: string; head: Head }) {
  const store = useStore();
  return (
    <header>
      <p class="eyebrow">
        <span>{what}</span>
        {badge !== undefined && (
          <span class="badge" data-state={badge}>
            {badge}
          </span>
        )}
      </p>
      <button class="icon close" type="button" aria-label={t.app.close} onClick={() => pick(store, null)}>
        ✕
      </button>
      <h2 tabIndex={-1}>{title}</h2>
      <p class="lead">{lead}</p>
    </header>
  );
}

/** One stop of Tab; arrows turn. */
function Sides({ sides, open }: { sides: readonly Side[]; open: Side | undefined }) {
  const store = useStore();
  const bar = useRef<HTMLDivElement>(null);
  const turn = (event: KeyboardEvent): void => {
    const by = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    const at = sides.findIndex((side) => side === open);
    const next = sides[(at + by + sides.length) % sides.length];
    if (by === 0 || next === undefined) return;
    event.preventDefault();
    go(store, { tab: next.id, ...OF_A_SIDE });
    bar.current?.querySelector<HTMLElement>(`[data-side-tab="${next.id}"]`)?.focus();
  };
  return (
    <div class="sides" role="tablist" aria-label={t.panel.sides} ref={bar} onKeyDown={turn}>
      {sides.map((side) => (
        <button
          key={side.id}
          type="button"
          role="tab"
          data-side-tab={side.id}
          aria-controls="side"
          aria-selected={side === open}
          tabIndex={side === open ? 0 : -1}
          onClick={() => go(store, { tab: side === sides[0] ? null : side.id, ...(side === open ? {} : OF_A_SIDE) })}
        >
          {side.title}
        </button>
      ))}
    </div>
  );
}
