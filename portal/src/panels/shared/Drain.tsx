// Draining a fibre or a site: what would move where and what not, on the map and in words; then the drain itself, and its end.
import { useEffect, useState } from "preact/hooks";
import { ask } from "../../api/client";
import type { MaintenanceOut } from "../../api/schema";
import { useStore } from "../../page";
import { Answer } from "../../parts/Answer";
import { saidOf, useAsked } from "../../parts/asked";
import { Items } from "../../parts/Items";
import { ShowOnMap } from "../../parts/ShowOnMap";
import { go } from "../../state/go";
import { named, targetName } from "../../state/naming";
import { t } from "../../words/en";
import { percent } from "../../words/figures";
import { serviceItemOf, wayOf } from "../rows";
import { drainOverlay, drawn, goesWords, refilled } from "./emptied";

export function Drain({ id }: { id: string }) {
  const store = useStore();
  const [busy, work] = useState(false);
  const [trouble, say] = useState("");
  const now = store.maintenances.find((one) => one.ended === null && (one.target === id || one.fibres.includes(id)));
  const open = store.address.preview === id;
  // What is being drained is no preview any more.
  useEffect(() => {
    if (open && now !== undefined) go(store, { preview: null }, false);
  }, [open, now === undefined]);
  const act = (deed: () => Promise<unknown>): void => {
    work(true);
    say("");
    deed()
      .catch((error: unknown) => say(saidOf(error)))
      .finally(() => work(false));
  };
  const operator = store.who.role === "operator";
  return (
    <>
      <p class="lead">{now === undefined ? t.drain.intro : t.drain.under(now.state)}</p>
      {now?.note !== undefined && now.note !== "" && <p class="nothing">{named(store, now.note)}</p>}
      <div class="deeds">
        {now === undefined && (
          <button class="second" type="button" aria-expanded={open} onClick={() => go(store, { preview: open ? null : id })}>
            {open ? t.drain.close : t.drain.preview}
          </button>
        )}
        {now === undefined && open && operator && (
          <button
            class="main"
            type="button"
            disabled={busy}
            onClick={() => act(() => ask("POST /v1/maintenances", { body: { target: id } }))}
          >
            {t.drain.go(targetName(store, id))}
          </button>
        )}
        {now !== undefined && operator && (
          <button
            class="main"
            type="button"
            disabled={busy}
            onClick={() => act(() => ask("DELETE /v1/maintenances/{maintenance_id}", { path: { maintenance_id: now.id } }))}
          >
            {t.drain.end}
          </button>
        )}
      </div>
      <p class="trouble" role="alert">
        {trouble}
      </p>
      {now === undefined && open && <Preview id={id} />}
      {now !== undefined && (
        <>
          <Items
            title={t.drain.moved}
            empty={t.drain.nobody}
            of={[...new Set([...now.moved, ...now.moving])].map((service) => serviceItemOf(store, service, ""))}
          />
          <Stuck of={now} />
        </>
      )}
    </>
  );
}

function Preview({ id }: { id: string }) {
  const store = useStore();
  // What has failed, or is drained already, changes what else would move.
  const { down, drained } = store.faults;
  const asked = useAsked(`${id} ${[...down, "", ...drained].sort().join(" ")}`, (signal) =>
    ask("POST /v1/maintenances", { body: { target: id }, query: { dry_run: true }, signal }),
  );
  return (
    <Answer of={asked} asking={t.drain.asking}>
      {(found) => <Found of={found} />}
    </Answer>
  );
}

function Found({ of: found }: { of: MaintenanceOut }) {
  const store = useStore();
  const goes = found.would?.goes ?? [];
  const { fuller, emptier } = refilled(found.would ?? { links: [], goes: [], shifted: [] });
  const [some, all] = drawn(found);
  const links = (of: typeof fuller) =>
    of.map((one) => ({
      title: wayOf(store, one.link),
      note: t.drain.way(percent(one.before), percent(one.after)),
      to: { kind: "link" as const, id: one.link },
    }));
  return (
    <>
      <p class="nothing" data-preview>
        {t.drain.isPreview}
      </p>
      <ShowOnMap of={found} overlay={(of) => drainOverlay(store, of)} />
      {some < all && <p class="said">{t.drain.drawn(some, all)}</p>}
      <Items title={t.drain.moving} empty={t.drain.nobody} of={goes.map((one) => serviceItemOf(store, one.service, goesWords(one)))} />
      <Stuck of={found} />
      <Items title={t.drain.fuller} empty={t.drain.noFuller} of={links(fuller)} />
      <Items title={t.drain.emptier} empty={t.drain.noEmptier} of={links(emptier)} />
    </>
  );
}

/** What cannot be moved, and why. */
function Stuck({ of: found }: { of: MaintenanceOut }) {
  const store = useStore();
  return (
    <Items
      tall
      title={t.drain.stuck}
      empty={t.drain.nobody}
      of={found.stuck.map((service) => serviceItemOf(store, service, named(store, found.because[service] ?? "")))}
    />
  );
}
