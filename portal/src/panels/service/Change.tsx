// Changing a service in place, and releasing it: what that does is shown first.
import { useState } from "preact/hooks";
import { ask } from "../../api/client";
import { usePage } from "../../page";
import { saidOf } from "../../parts/asked";
import { ENDED } from "../../state/services";
import { t } from "../../words/en";

export function Change({ id }: { id: string }) {
  const { store, sync } = usePage();
  const service = store.services.get(id);
  const [rate, setRate] = useState(String(service?.bandwidth_gbps ?? ""));
  const [preview, see] = useState<readonly string[] | null>(null);
  const [sure, setSure] = useState(false);
  const [busy, work] = useState(false);
  const [trouble, say] = useState("");
  if (service === undefined || ENDED.has(service.state)) return <p class="nothing">{t.service.released}</p>;
  const act = (deed: () => Promise<void>): void => {
    work(true);
    say("");
    deed()
      .catch((error: unknown) => say(saidOf(error)))
      .finally(() => work(false));
  };
  const change = async (dry_run: boolean): Promise<void> => {
    const answer = await ask("PATCH /v1/services/{service_id}", {
      path: { service_id: id },
      query: { dry_run },
      body: { bandwidth_gbps: Number(rate) },
      headers: { "If-Match": `"${String(service.version)}"` },
    });
    see("effects" in answer ? [answer.message, ...answer.effects] : null);
    if (!dry_run) await sync.refresh(id);
  };
  const release = async (): Promise<void> => {
    await ask("DELETE /v1/services/{service_id}", { path: { service_id: id } });
    await sync.refresh(id);
  };
  return (
    <>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          act(() => change(true));
        }}
      >
        <label>
          {t.service.rate}
          <input
            type="number"
            min="0"
            step="any"
            required
            value={rate}
            onInput={(event) => {
              setRate(event.currentTarget.value);
              see(null);
            }}
          />
        </label>
        <div class="deeds">
          <button class="second" type="submit" disabled={busy}>
            {t.service.ask}
          </button>
          {preview !== null && (
            <button class="main" type="button" disabled={busy} onClick={() => act(() => change(false))}>
              {t.service.apply}
            </button>
          )}
        </div>
      </form>
      {preview !== null && (
        <ul class="counts" aria-label={t.service.does}>
          {preview.map((effect) => (
            <li key={effect}>{effect}</li>
          ))}
        </ul>
      )}
      <p class="trouble" role="alert">
        {trouble}
      </p>
      <div class="part deeds">
        {sure ? (
          <>
            <p class="nothing">{t.service.releaseSaid}</p>
            <button class="main danger" type="button" disabled={busy} onClick={() => act(release)}>
              {t.service.release}
            </button>
            <button class="second" type="button" onClick={() => setSure(false)}>
              {t.service.keep}
            </button>
          </>
        ) : (
          <button class="second danger" type="button" onClick={() => setSure(true)}>
            {t.service.release}
          </button>
        )}
      </div>
    </>
  );
}
