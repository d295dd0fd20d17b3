// Changing a service in place, and releasing it: what that does is worked out while one writes, shown in words and on the
// map, and nothing is done before one says so.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { all, ask, Problem } from "../../api/client";
import type { PortOut, ServiceChangeIn, ServiceOut } from "../../api/schema";
import { usePage } from "../../page";
import { saidOf, useAsked } from "../../parts/asked";
import { Part } from "../../parts/Part";
import { Fits, overlayOf, Refused, Verdict } from "../../places/order/Answer";
import { changeOf, draftOf, troubles } from "../../places/order/draft";
import { Fields, useFirstWrong } from "../../places/order/Fields";
import { heard, usePreview } from "../../places/order/preview";
import { endsOf } from "../../places/order/rights";
import { called } from "../../state/naming";
import { stateNow, ENDED, waysOf } from "../../state/services";
import { siteName } from "../../state/store";
import { t } from "../../words/en";
import { gbps, time } from "../../words/figures";

const NOTHING: ReadonlyMap<string, string> = new Map();

export function Change({ id }: { id: string }) {
  const { store } = usePage();
  const service = store.services.get(id);
  if (service === undefined || ENDED.has(service.state)) return <p class="nothing">{t.service.released}</p>;
  return (
    <>
      {service.state === "HELD" && <Take service={service} />}
      {/* Somebody else's change is what is changed from then on. */}
      <Edit key={service.version} service={service} />
      <Release service={service} />
    </>
  );
}

function Edit({ service }: { service: ServiceOut }) {
  const { store, sync } = usePage();
  const before = useMemo(() => draftOf(service), [service]);
  const [draft, write] = useState(before);
  const [busy, work] = useState(false);
  const [trouble, say] = useState("");
  const ports = useAsked("ports", () => all("GET /v1/ports"));
  const known: readonly PortOut[] = ports.state === "here" ? ports.value : [];
  const sites = store.atlas?.network.sites;
  const ends = useMemo(() => endsOf(known, sites ?? [], service.tenant), [known, sites, service.tenant]);
  const all_ends = useMemo(() => withPorts(ends, service, (site) => siteName(store, site)), [ends, service]);
  const change = changeOf(before, draft);
  const some = Object.keys(change).length > 0;
  const patch = (body: ServiceChangeIn, dry_run: boolean, signal?: AbortSignal) =>
    ask("PATCH /v1/services/{service_id}", {
      path: { service_id: service.id },
      query: { dry_run },
      body,
      headers: { "If-Match": `"${String(service.version)}"` },
      ...(signal === undefined ? {} : { signal }),
    });
  const preview = usePreview(some ? JSON.stringify(change) : null, (signal) => heard(patch(change, true, signal)));
  const { answered } = preview;
  const wrong = useMemo(() => {
    const found = answered?.state === "no" ? [...troubles(answered.said, draft.spans.length)] : [];
    return found.length === 0 ? NOTHING : new Map(found.map(([field, said]) => [field, called(store, said)]));
  }, [answered]);
  const { form, seek } = useFirstWrong(wrong);
  useEffect(() => {
    store.change({ overlay: answered === null ? null : overlayOf(store, answered, [service.from.site, service.to.site]) });
  }, [answered]);
  useEffect(() => () => store.change({ overlay: null }), []);
  const act = (body: ServiceChangeIn): void => {
    work(true);
    say("");
    heard(patch(body, false))
      .then(async (answer) => {
        if (answer.state === "no") {
          // Somebody was faster: what it is now is read, and written into the form.
          if (answer.said.code === "version-conflict") {
            await sync.refresh(service.id);
            say(t.service.faster);
          } else if (answer.said.binding != null || (answer.said.findings ?? []).length > 0) preview.hear(answer);
          else say(answer.words);
          return;
        }
        await sync.refresh(service.id);
      })
      .finally(() => work(false));
  };
  return (
    <>
      <form
        class="form"
        ref={form}
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          seek();
          if (answered?.state === "yes") act(change);
        }}
      >
        <Fields name="change" fixed draft={draft} write={write} wrong={wrong} ends={all_ends} />
        <div class="deeds bar">
          <Verdict preview={preview} wrong={wrong.size} />
          <button class="main" type="submit" disabled={busy} aria-disabled={answered?.state !== "yes"}>
            {t.service.apply}
          </button>
          {some && (
            <button class="link" type="button" onClick={() => write(before)}>
              {t.service.undo}
            </button>
          )}
        </div>
      </form>
      <div class="answer" role="status" aria-live="polite" aria-busy={preview.asking || busy}>
        {!some && <p class="nothing">{t.service.unchanged}</p>}
        {preview.slow && <p class="nothing">{t.order.slow}</p>}
        {trouble !== "" && <p class="no">{trouble}</p>}
        {wrong.size > 0 && <p class="unseen">{t.order.wrong(wrong.size)}</p>}
        {answered?.state === "yes" && <Fits title={t.service.does} service={answered.service} effects={answered.effects} />}
        {answered?.state === "no" && wrong.size === 0 && (
          <Refused
            said={answered.said}
            words={answered.words}
            busy={busy}
            act={t.service.takeOffer}
            take={(offer) => act(offer.changes as ServiceChangeIn)}
          />
        )}
      </div>
    </>
  );
}

/** A hold that one may take. */
function Take({ service }: { service: ServiceOut }) {
  const { sync } = usePage();
  const { busy, trouble, act } = useDeed();
  const take = async (): Promise<void> => {
    await ask("POST /v1/services/{service_id}/confirm", { path: { service_id: service.id } });
    await sync.refresh(service.id);
  };
  return (
    <Part title={t.service.hold}>
      <p class="nothing">{`${t.service.heldUntil} ${t.service.held(service.hold_until === null ? "–" : time(service.hold_until))}`}</p>
      <div class="deeds">
        <button class="main" type="button" disabled={busy} onClick={() => act(take)}>
          {t.service.take}
        </button>
      </div>
      {trouble !== "" && <p class="no" role="alert">{trouble}</p>}
    </Part>
  );
}

function Release({ service }: { service: ServiceOut }) {
  const { store, sync } = usePage();
  const [sure, decide] = useState(false);
  const { busy, trouble, act } = useDeed();
  const first = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (sure) first.current?.focus();
    // What its links would carry without it, where one may see them.
    if (!sure) return undefined;
    store.change({ overlay: { said: t.service.releaseShown, lost: new Set(), loads: loadsWithout(store, service), routes: [] } });
    return () => store.change({ overlay: null });
  }, [sure]);
  const release = async (): Promise<void> => {
    await ask("DELETE /v1/services/{service_id}", { path: { service_id: service.id }, headers: { "If-Match": `"${String(service.version)}"` } });
    await sync.refresh(service.id);
  };
  const now = stateNow(store, service);
  const carried = now === "ACTIVE" || now === "DEGRADED";
  return (
    <Part title={t.service.release}>
      {sure ? (
        <div class="deeds">
          <ul class="counts" aria-label={t.service.does}>
            <li>{carried ? t.service.stops : t.service.neverCarried}</li>
            <li>{t.service.frees(gbps(service.bandwidth_gbps), waysOf(service)[0]?.there?.links.length ?? 0)}</li>
            {service.backup !== null && <li>{t.service.freesBackup}</li>}
            <li>{t.service.freesTags}</li>
            <li>{t.service.releaseSaid}</li>
          </ul>
          <button class="main danger" type="button" disabled={busy} ref={first} onClick={() => act(release)}>
            {t.service.releaseNow}
          </button>
          <button class="second" type="button" onClick={() => decide(false)}>
            {t.service.keep}
          </button>
        </div>
      ) : (
        <button class="second danger" type="button" onClick={() => decide(true)}>
          {t.service.release}…
        </button>
      )}
      {trouble !== "" && <p class="no" role="alert">{trouble}</p>}
    </Part>
  );
}

function useDeed() {
  const [busy, work] = useState(false);
  const [trouble, say] = useState("");
  const act = (deed: () => Promise<void>): void => {
    work(true);
    say("");
    deed()
      .catch((error: unknown) => {
        if (!(error instanceof Problem)) throw error;
        say(saidOf(error));
      })
      .finally(() => work(false));
  };
  return { busy, trouble, act };
}

/** The share that each of its links would carry without it. */
export function loadsWithout(state: { atlas: ReturnType<typeof usePage>["store"]["atlas"]; sample: ReturnType<typeof usePage>["store"]["sample"] }, service: ServiceOut): Map<string, number> {
  const rate = state.sample?.services[service.id];
  const found = new Map<string, number>();
  const ways = service.branches.length > 0 ? service.branches : [{ share: 1, there: service.there, back: service.back }];
  for (const { share, there, back } of ways) {
    for (const [path, carried] of [
      [there, rate?.carried_gbps_there ?? 0],
      [back, rate?.carried_gbps_back ?? 0],
    ] as const) {
      for (const id of path?.links ?? []) {
        const link = state.atlas?.link.get(id);
        if (link === undefined) continue;
        const now = found.get(id) ?? (state.sample?.links[id] ?? 0) / link.capacity_gbps;
        found.set(id, Math.max(0, now - (carried * share) / link.capacity_gbps));
      }
    }
  }
  return found;
}

/** The ends, and the ports that it is on: a service says a port where an order may say a site. */
function withPorts(ends: ReturnType<typeof endsOf>, service: ServiceOut, name: (site: string) => string) {
  const found = [...ends];
  for (const end of [service.from, service.to]) {
    const at = found.findIndex((option) => option.value === end.site);
    const one = at >= 0 ? found[at] : undefined;
    if (found.some((option) => option.value === end.port)) continue;
    if (one === undefined) found.push({ value: end.port, title: name(end.site), note: "" });
    else found[at] = { ...one, value: end.port };
  }
  return found;
}
