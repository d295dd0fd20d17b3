// An order: from a site to a site, drawn on the map while it is written. Nothing is ordered before one says so, and what was
// said once is ordered once: a key goes with it, the same however often it is sent. What is written stays in this tab.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { all, ask } from "../../api/client";
import type { OfferOut, OrderIn, PortOut } from "../../api/schema";
import { usePage } from "../../page";
import { useAsked } from "../../parts/asked";
import { Items } from "../../parts/Items";
import { go, pick } from "../../state/go";
import { called } from "../../state/naming";
import { siteName } from "../../state/store";
import { t } from "../../words/en";
import { gbps } from "../../words/figures";
import { Fits, overlayOf, Refused, Verdict } from "./Answer";
import { empty, local, missing, orderOf, troubles, whole, type Draft } from "./draft";
import { Fields, Labelled, useFirstWrong } from "./Fields";
import { Free } from "./Free";
import { keep, keyed, recall } from "./kept";
import { heard, SLOW_MS, usePreview, type Answered } from "./preview";
import { endsOf, holderOf } from "./rights";

/** How long a quote that one asks for is kept. */
const HOLD_S = 600;
const NOTHING: ReadonlyMap<string, string> = new Map();

export function Order() {
  const { store, sync } = usePage();
  const kept = useRef(recall(store.who));
  const [draft, write] = useState<Draft>(kept.current.draft);
  const [busy, work] = useState(false);
  const [slow, drag] = useState(false);
  const [lost, lose] = useState<string | null>(null);
  const [looked, look] = useState(false);
  const pending = useRef<{ body: OrderIn; gone: AbortController } | null>(null);
  const ports = useAsked("ports", () => all("GET /v1/ports"));
  const known: readonly PortOut[] = ports.state === "here" ? ports.value : [];
  const tenants = useMemo(() => [...new Set(known.map((port) => port.tenant))].sort(), [known]);
  const holder = store.operator ? draft.tenant || (tenants[0] ?? "") : (store.who.tenant ?? "");
  const sites = store.atlas?.network.sites;
  const ends = useMemo(() => endsOf(known, sites ?? [], holder), [known, sites, holder]);
  const values = useMemo(() => new Set(ends.map((end) => end.value)), [ends]);

  useEffect(() => keep(store.who, { ...kept.current, draft }), [draft]);

  // Both ways: what is dragged on the map, or in a link that somebody sent, is written; what is written is in the address.
  const asked = store.address.ends;
  useEffect(() => {
    if (asked === null) return;
    const [from = "", to = ""] = asked.split(">");
    write((was) => ({
      ...was,
      from,
      to: to === "" && was.to !== from ? was.to : to,
      tenant: store.operator ? holderOf(known, from, to, was.tenant) : was.tenant,
    }));
  }, [asked, known]);
  useEffect(() => {
    const chosen = draft.from === "" && draft.to === "" ? null : `${draft.from}>${draft.to}`;
    const here = [draft.from, draft.to].every((end) => end === "" || values.has(end));
    if (chosen !== null && here) go(store, { ends: chosen }, false);
  }, [draft.from, draft.to, values]);

  const query = (dry_run: boolean) => ({ dry_run, ...(store.operator && holder !== "" ? { tenant: holder } : {}) });
  const order = orderOf(draft);
  const body = JSON.stringify([order, holder]);
  const ready = holder !== "" && (looked || whole(draft, values));
  const preview = usePreview(ready ? body : null, (signal) =>
    heard(ask("POST /v1/services", { query: query(true), body: order, signal })),
  );
  const { answered } = preview;
  const wrong = useMemo(() => {
    const found = new Map<string, string>(looked ? missing(draft).map((field) => [field, t.order.needed]) : []);
    if (answered?.state === "no") for (const [field, said] of troubles(answered.said, draft.spans.length)) found.set(field, called(store, said));
    return found.size === 0 ? NOTHING : found;
  }, [answered, looked, draft]);
  const { form, seek } = useFirstWrong(wrong);

  const siteOf = (end: string): string => known.find((port) => port.id === end)?.site ?? end;
  useEffect(() => {
    store.change({ overlay: answered === null ? null : overlayOf(store, answered, [draft.from, draft.to].map(siteOf)) });
  }, [answered]);
  useEffect(() => () => store.change({ overlay: null }), []);

  const send = async (wanted: OrderIn): Promise<void> => {
    pending.current?.gone.abort();
    const gone = new AbortController();
    pending.current = { body: wanted, gone };
    const sent = keyed(JSON.stringify([wanted, holder]), kept.current.sent);
    kept.current = { draft, sent };
    keep(store.who, kept.current);
    work(true);
    lose(null);
    drag(false);
    const timer = setTimeout(() => drag(true), SLOW_MS);
    try {
      const headers = { "Idempotency-Key": sent.key };
      const answer = await heard(ask("POST /v1/services", { query: query(false), body: wanted, headers, signal: gone.signal }));
      if (gone.signal.aborted) return;
      await take(answer);
    } catch (error) {
      if (!gone.signal.aborted) throw error;
    } finally {
      clearTimeout(timer);
      if (!gone.signal.aborted) {
        work(false);
        drag(false);
      }
    }
  };
  const take = async (answer: Answered): Promise<void> => {
    if (answer.state === "no") {
      // Where no answer came it may have been ordered; with the same key it is asked once more, and made once.
      if (answer.said.code === "unreachable" || (answer.said.status ?? 0) >= 500) lose(answer.words);
      else if (answer.said.status !== 401) {
        kept.current = { draft, sent: null };
        keep(store.who, kept.current);
        preview.hear(answer);
      }
      return;
    }
    kept.current = { draft: empty(), sent: null };
    keep(store.who, kept.current);
    await sync.refresh(answer.service.id);
    go(store, { place: null, ends: null });
    pick(store, { kind: "service", id: answer.service.id });
  };

  const say = (hold: boolean): void => {
    look(true);
    seek();
    if (answered?.state === "no" && wrong.size === 0) document.querySelector<HTMLElement>(".place [data-binding]")?.focus();
    if (missing(draft).length > 0 || answered?.state === "no") return;
    void send(hold ? { ...order, hold_s: HOLD_S } : order);
  };
  const held = answered?.state === "no" && wrong.size === 0;
  return (
    <div class="place order">
      <p class="lead">{t.order.intro}</p>
      <form
        class="form"
        ref={form}
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          say(false);
        }}
      >
        {store.operator && (
          <Labelled id="order-tenant" label={t.order.tenant} wrong={wrong.get("tenant")} wide>
            {(describedby) => (
              <select
                id="order-tenant"
                aria-describedby={describedby}
                value={holder}
                onChange={(event) => write((was) => ({ ...was, tenant: event.currentTarget.value }))}
              >
                {tenants.map((tenant) => (
                  <option key={tenant}>{tenant}</option>
                ))}
              </select>
            )}
          </Labelled>
        )}
        <Fields name="order" draft={draft} write={write} wrong={wrong} ends={ends} />
        <div class="deeds bar">
          <Verdict preview={preview} wrong={wrong.size} />
          <button class="main" type="submit" disabled={busy} aria-disabled={held}>
            {t.order.go}
          </button>
          <button class="second" type="button" disabled={busy} aria-disabled={held} onClick={() => say(true)}>
            {t.order.hold}
          </button>
          <button
            class="link"
            type="button"
            onClick={() => {
              look(false);
              write({ ...empty(), tenant: draft.tenant });
              go(store, { ends: null }, false);
            }}
          >
            {t.order.clear}
          </button>
        </div>
      </form>
      <div class="answer" role="status" aria-live="polite" aria-busy={preview.asking || busy}>
        {busy && slow && <p class="nothing">{t.order.slowOrder}</p>}
        {lost !== null && <p class="no">{t.order.lost(lost)}</p>}
        {!busy && preview.slow && <p class="nothing">{t.order.slow}</p>}
        {wrong.size > 0 && <p class="unseen">{t.order.wrong(wrong.size)}</p>}
        {answered?.state === "yes" && <Fits title={t.order.fits} service={answered.service} effects={answered.effects} />}
        {answered?.state === "no" && wrong.size === 0 && (
          <Refused
            said={answered.said}
            words={answered.words}
            busy={busy}
            act={t.order.take}
            take={(offer: OfferOut) => offer.order != null && void send(offer.order as unknown as OrderIn)}
          />
        )}
      </div>
      {((busy && slow) || lost !== null) && (
        <button class="second" type="button" onClick={() => pending.current !== null && void send(pending.current.body)}>
          {t.order.again}
        </button>
      )}
      {values.has(draft.from) && values.has(draft.to) && draft.from !== draft.to && !wrong.has("latency_bound_ms") && !wrong.has("fence") && (
        <Free
          order={order}
          tenant={holder}
          ports={known}
          choose={(start, end) => write((was) => ({ ...was, when: "window", spans: [{ start: local(start), end: local(end) }] }))}
        />
      )}
      {draft.from === "" && draft.to === "" && ports.state === "here" && <Where ports={known} holder={holder} />}
    </div>
  );
}

/** Where one may order: the sites and ports that one has. */
function Where({ ports, holder }: { ports: readonly PortOut[]; holder: string }) {
  const { store } = usePage();
  const own = ports.filter((port) => port.tenant === holder);
  return (
    <Items
      title={t.order.where}
      empty={t.order.nowhere}
      of={own.map((port) => ({ title: siteName(store, port.site), note: gbps(port.rate_gbps), to: { kind: "site", id: port.site } as const }))}
    />
  );
}

