// An order: from a site to a site, with its preview drawn on the map, a no with what stands in the way, and what one can have
// instead. Nothing is ordered before one says so.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { all, ask, Problem } from "../../api/client";
import type { OfferOut, OrderIn, PreviewOut, ProblemOut, ServiceOut } from "../../api/schema";
import { usePage } from "../../page";
import { saidOf, useAsked } from "../../parts/asked";
import { Facts } from "../../parts/Facts";
import { Part } from "../../parts/Part";
import { wayOf } from "../../panels/rows";
import { go, pick } from "../../state/go";
import { named } from "../../state/naming";
import { siteName, type Overlay } from "../../state/store";
import { waysOf } from "../../state/services";
import { t } from "../../words/en";
import { gbps, ms, sentence } from "../../words/figures";
import { EMPTY, orderOf, troubles, whole, type Draft, type Field } from "./draft";
import { Form } from "./Form";
import { Free } from "./Free";

type Answered = { state: "yes"; service: ServiceOut; effects: readonly string[] } | { state: "no"; said: Partial<ProblemOut>; words: string };

/** So long after the last key one is asked. */
const PAUSE_MS = 350;

export function Order() {
  const { store, sync } = usePage();
  const [draft, write] = useState<Draft>(EMPTY);
  const [answered, hear] = useState<Answered | null>(null);
  const [busy, work] = useState(false);
  const [ordered, tell] = useState("");
  const key = useRef("");
  const ports = useAsked("ports", () => all("GET /v1/ports"));
  const tenants = useMemo(
    () => (ports.state === "here" ? [...new Set(ports.value.map((port) => port.tenant))].sort() : []),
    [ports.state],
  );
  const holder = store.operator ? draft.tenant || (tenants[0] ?? "") : "";
  const ends = store.address.ends;
  useEffect(() => {
    if (ends === null) return;
    const [from = "", to = ""] = ends.split(">");
    write((was) => ({ ...was, from, to }));
  }, [ends]);

  const send = async (order: OrderIn, dry_run: boolean, signal?: AbortSignal): Promise<Answered> => {
    const query = { dry_run, ...(holder === "" ? {} : { tenant: holder }) };
    try {
      const answer = await ask("POST /v1/services", {
        query,
        body: order,
        ...(signal === undefined ? {} : { signal }),
        ...(dry_run ? {} : { headers: { "Idempotency-Key": key.current } }),
      });
      const preview = "dry_run" in answer ? (answer as PreviewOut) : null;
      return preview === null
        ? { state: "yes", service: answer as ServiceOut, effects: [] }
        : { state: "yes", service: preview.service, effects: preview.effects };
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      return { state: "no", said: error.said, words: saidOf(error) };
    }
  };

  const order = orderOf(draft);
  const asking = JSON.stringify([order, holder]);
  useEffect(() => {
    hear(null);
    if (!whole(draft) || (store.operator && holder === "")) return undefined;
    const gone = new AbortController();
    const timer = setTimeout(() => {
      send(order, true, gone.signal)
        .then((answer) => {
          if (gone.signal.aborted) return;
          key.current = fresh();
          hear(answer);
        })
        .catch((error: unknown) => {
          if (!gone.signal.aborted) throw error;
        });
    }, PAUSE_MS);
    return () => {
      clearTimeout(timer);
      gone.abort();
    };
  }, [asking]);

  useEffect(() => {
    store.change({ overlay: answered === null ? null : overlayOf(answered) });
    return () => store.change({ overlay: null });
  }, [answered]);

  const take = (wanted: OrderIn): void => {
    work(true);
    send(wanted, false)
      .then(async (answer) => {
        if (answer.state === "no") {
          hear(answer);
          return;
        }
        tell(answer.service.id);
        await sync.refresh(answer.service.id);
        go(store, { place: null, ends: null });
        pick(store, { kind: "service", id: answer.service.id });
      })
      .finally(() => work(false));
  };
  const wrong: ReadonlyMap<Field | "", string> = answered?.state === "no" ? troubles(answered.said) : new Map();
  return (
    <div class="place">
      <p class="lead">{t.order.intro}</p>
      <Form draft={draft} write={write} wrong={wrong} ports={ports.state === "here" ? ports.value : []} tenants={tenants} holder={holder}>
        <button class="main" type="button" disabled={busy || answered?.state !== "yes"} onClick={() => take(order)}>
          {t.order.go}
        </button>
      </Form>
      <div role="status" aria-live="polite">
        {ordered !== "" && <p class="nothing">{t.order.ordered(ordered)}</p>}
        {answered?.state === "yes" && <Fits service={answered.service} effects={answered.effects} />}
        {answered?.state === "no" && <Refused said={answered.said} words={answered.words} busy={busy} take={take} />}
      </div>
      {draft.from !== "" && draft.to !== "" && <Free draft={draft} tenant={holder} />}
    </div>
  );
}

function Fits({ service, effects }: { service: ServiceOut; effects: readonly string[] }) {
  const { store } = usePage();
  const by = service.there?.sites.map((site) => siteName(store, site)).join(" – ");
  const spare = service.backup?.there?.sites.map((site) => siteName(store, site)).join(" – ");
  return (
    <Part title={t.order.fits}>
      <Facts
        of={[
          [t.service.latency, ms(service.there?.latency_ms)],
          [t.service.there, by],
          [t.service.backup, spare],
          [t.service.does, effects.map((one) => named(store, one)).join(" ")],
        ]}
      />
    </Part>
  );
}

interface No {
  said: Partial<ProblemOut>;
  words: string;
  busy: boolean;
  take: (order: OrderIn) => void;
}

function Refused({ said, words, busy, take }: No) {
  const { store } = usePage();
  const binding = said.binding ?? null;
  const offers: readonly OfferOut[] = said.offers ?? [];
  return (
    <Part title={sentence(said.title ?? words)}>
      <p class="trouble" data-binding={binding?.constraint}>
        {named(store, binding === null ? words : sentence(binding.message))}
        {binding?.link != null && <> ({wayOf(store, binding.link)})</>}
      </p>
      {offers.length > 0 && <h3>{t.order.offers}</h3>}
      <div class="cards">
        {offers.map((offer) => (
          <button
            class="card"
            key={offer.message}
            type="button"
            disabled={busy || offer.order === null}
            onClick={() => offer.order !== null && take(offer.order as unknown as OrderIn)}
          >
            <b>{sentence(offer.message)}</b>
            <span>{ms(offer.latency_ms)}</span>
            <span class="take">{t.order.take}</span>
          </button>
        ))}
      </div>
    </Part>
  );
}

/** The ways that it would take; or the link that stands in the way. */
function overlayOf(answered: Answered): Overlay {
  if (answered.state === "no") {
    const link = answered.said.binding?.link ?? null;
    return { said: answered.words, lost: new Set(link === null ? [] : [link]), loads: new Map(), routes: [] };
  }
  const { service } = answered;
  const ways = waysOf(service).flatMap(({ there }) => (there === null ? [] : [{ way: "would" as const, path: there }]));
  const spare = service.backup?.there ?? null;
  return {
    said: `${t.order.fits} ${gbps(service.bandwidth_gbps)}`,
    lost: new Set(),
    loads: new Map(),
    routes: [
      ...ways.map(({ way, path }) => ({ service: "", way, sites: path.sites, links: path.links })),
      ...(spare === null ? [] : [{ service: "", way: "spare" as const, sites: spare.sites, links: spare.links }]),
    ],
  };
}

/** A key for an order that may be sent twice: of random bits, also where a page has no secure context. */
function fresh(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
