// Draining a fibre or a site: what would move and what not, then the drain itself, and its end.
import { useState } from "preact/hooks";
import { ask } from "../../api/client";
import type { MaintenanceOut } from "../../api/schema";
import { useStore } from "../../page";
import { saidOf } from "../../parts/asked";
import { Items } from "../../parts/Items";
import { fibreName, named } from "../../state/naming";
import { siteName } from "../../state/store";
import { t } from "../../words/en";
import { serviceItemOf } from "../rows";

export function Drain({ id }: { id: string }) {
  const store = useStore();
  const [preview, see] = useState<MaintenanceOut | null>(null);
  const [busy, work] = useState(false);
  const [trouble, say] = useState("");
  const now = store.maintenances.find((one) => one.ended === null && (one.target === id || one.fibres.includes(id)));
  const shown = now ?? preview;
  const name = store.atlas?.fibre.has(id) === true ? fibreName(store, id) : siteName(store, id);
  const act = (deed: () => Promise<void>): void => {
    work(true);
    say("");
    deed()
      .catch((error: unknown) => say(saidOf(error)))
      .finally(() => work(false));
  };
  const look = async (): Promise<void> =>
    see(await ask("POST /v1/maintenances", { body: { target: id }, query: { dry_run: true } }));
  const drain = async (): Promise<void> => {
    await ask("POST /v1/maintenances", { body: { target: id } });
    see(null);
  };
  const end = async (maintenance_id: string): Promise<void> =>
    void (await ask("DELETE /v1/maintenances/{maintenance_id}", { path: { maintenance_id } }));
  return (
    <>
      <p class="lead">{now === undefined ? t.drain.intro : t.drain.under(now.state)}</p>
      {now?.note !== undefined && now.note !== "" && <p class="nothing">{named(store, now.note)}</p>}
      <div class="deeds">
        {now === undefined && (
          <button class="second" type="button" disabled={busy} onClick={() => act(look)}>
            {t.drain.preview}
          </button>
        )}
        {now === undefined && preview !== null && store.who.role === "operator" && (
          <button class="main" type="button" disabled={busy} onClick={() => act(drain)}>
            {t.drain.go(name)}
          </button>
        )}
        {now !== undefined && store.who.role === "operator" && (
          <button class="main" type="button" disabled={busy} onClick={() => act(() => end(now.id))}>
            {t.drain.end}
          </button>
        )}
      </div>
      <p class="trouble" role="alert">
        {trouble}
      </p>
      {shown !== null && (
        <>
          <Items
            title={now === undefined ? t.drain.moving : t.drain.moved}
            empty={t.drain.nobody}
            of={[...new Set([...shown.moved, ...shown.moving])].map((service) => serviceItemOf(store, service, ""))}
          />
          <Items
            tall
            title={t.drain.stuck}
            empty={t.drain.nobody}
            of={shown.stuck.map((service) => serviceItemOf(store, service, named(store, shown.because[service] ?? "")))}
          />
        </>
      )}
    </>
  );
}
