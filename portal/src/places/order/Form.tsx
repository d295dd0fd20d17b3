// The fields of an order; what is wrong with one is said beside it.
import type { ComponentChildren } from "preact";
import type { PortOut } from "../../api/schema";
import { useStore } from "../../page";
import { t } from "../../words/en";
import type { Draft, Field } from "./draft";
import { sitesOf } from "./rights";

const CLASSES = ["interactive", "assured", "bulk", "scavenger"];

interface Props {
  draft: Draft;
  write: (change: (was: Draft) => Draft) => void;
  wrong: ReadonlyMap<Field | "", string>;
  ports: readonly PortOut[];
  tenants: readonly string[];
  holder: string;
  children: ComponentChildren;
}

export function Form({ draft, write, wrong, ports, tenants, holder, children }: Props) {
  const store = useStore();
  const sites = sitesOf(ports, store.atlas?.network.sites ?? [], holder === "" ? null : holder);
  const set = (change: Partial<Draft>): void => write((was) => ({ ...was, ...change }));
  const choice = (name: "from" | "to", label: string) => (
    <Labelled id={name} label={label} wrong={wrong.get(name)}>
      <select id={`order-${name}`} value={draft[name]} onChange={(event) => set({ [name]: event.currentTarget.value })}>
        <option value="">{t.order.choose}</option>
        {sites.map((site) => (
          <option key={site.id} value={site.id}>
            {site.name}
          </option>
        ))}
      </select>
    </Labelled>
  );
  return (
    <form class="form" onSubmit={(event) => event.preventDefault()}>
      {store.operator && (
        <Labelled id="tenant" label={t.order.tenant}>
          <select id="order-tenant" value={holder} onChange={(event) => set({ tenant: event.currentTarget.value })}>
            {tenants.map((tenant) => (
              <option key={tenant}>{tenant}</option>
            ))}
          </select>
        </Labelled>
      )}
      {choice("from", t.order.from)}
      {choice("to", t.order.to)}
      <Labelled id="rate" label={t.order.rate} wrong={wrong.get("bandwidth_gbps")}>
        <input id="order-rate" type="number" min="0" step="any" value={draft.rate} onInput={(event) => set({ rate: event.currentTarget.value })} />
      </Labelled>
      <Labelled id="latency" label={t.order.latency} wrong={wrong.get("latency_bound_ms")}>
        <input id="order-latency" type="number" min="0" step="any" value={draft.latency} onInput={(event) => set({ latency: event.currentTarget.value })} />
      </Labelled>
      <Labelled id="fence" label={t.order.fence} wrong={wrong.get("fence")}>
        <input
          id="order-fence"
          type="text"
          autocomplete="off"
          spellcheck={false}
          placeholder={t.order.fenceHint}
          value={draft.fence}
          onInput={(event) => set({ fence: event.currentTarget.value })}
        />
      </Labelled>
      <Labelled id="class" label={t.order.class} wrong={wrong.get("traffic_class")}>
        <select id="order-class" value={draft.traffic_class} onChange={(event) => set({ traffic_class: event.currentTarget.value })}>
          {CLASSES.map((one) => (
            <option key={one}>{one}</option>
          ))}
        </select>
      </Labelled>
      <label class="tick">
        <input type="checkbox" checked={draft.protected} onChange={(event) => set({ protected: event.currentTarget.checked })} />
        {t.order.path}
      </label>
      {wrong.has("") && (
        <p class="trouble" role="alert">
          {wrong.get("")}
        </p>
      )}
      <div class="deeds">{children}</div>
    </form>
  );
}

function Labelled({ id, label, wrong, children }: { id: string; label: string; wrong?: string | undefined; children: ComponentChildren }) {
  return (
    <div class="field" data-wrong={wrong !== undefined}>
      <label for={`order-${id}`}>{label}</label>
      {children}
      {wrong !== undefined && (
        <p class="trouble" role="alert">
          {wrong}
        </p>
      )}
    </div>
  );
}
