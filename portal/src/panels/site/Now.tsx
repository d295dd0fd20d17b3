// The facts of a site: what it is, whose, how clean its power is, what is joined to it and what ends there.
import { all } from "../../api/client";
import { useStore } from "../../page";
import { useAsked } from "../../parts/asked";
import { Facts } from "../../parts/Facts";
import { Items } from "../../parts/Items";
import { Room } from "../../parts/Room";
import { stateOf } from "../../state/faults";
import { go } from "../../state/go";
import { servicesAt, stateNow } from "../../state/services";
import { siteName } from "../../state/store";
import { Ports } from "./Ports";
import { mayOrder } from "../../places/order/rights";
import { t } from "../../words/en";
import { gbps, ms } from "../../words/figures";

export function Now({ id }: { id: string }) {
  const store = useStore();
  const site = store.atlas?.site.get(id);
  const ports = useAsked("ports", () => all("GET /v1/ports"));
  if (site === undefined) return null;
  const carbon = site.carbon_g_per_kwh;
  const out = (store.atlas?.linksAt.get(id) ?? []).filter((link) => link.tail === id);
  const here = ports.state === "here" ? ports.value.filter((port) => port.site === id) : [];
  return (
    <>
      <Facts
        of={[
          [t.site.jurisdiction, site.jurisdiction],
          [t.site.operator, site.operator],
          [t.site.carbon, carbon === null ? null : t.site.carbonIs(carbon)],
          [t.site.capacity, store.operator ? t.site.capacityIs(out.length, gbps(out.reduce((sum, link) => sum + link.capacity_gbps, 0))) : null],
          [t.site.position, `${site.lat.toFixed(2)}°, ${site.lon.toFixed(2)}°`],
        ]}
      />
      <Room of={site.kind === "pop" ? "no-ports" : "ports"}>
        {mayOrder(store.who) && here.length > 0 && (
          <button class="second" type="button" onClick={() => go(store, { place: "order", ends: `${id}>` })}>
            {t.site.orderFrom}
          </button>
        )}
        {ports.state === "here" && <Ports id={id} of={here} />}
      </Room>
      {store.operator && (
        <Items
          title={t.site.links}
          empty={t.site.noLinks}
          of={out.map((link) => ({
            title: siteName(store, link.head),
            note: `${gbps(link.capacity_gbps)} · ${ms(link.latency_ms)}`,
            state: stateOf(link, store.faults),
            to: { kind: "link", id: link.id },
          }))}
        />
      )}
      <Items
        title={t.site.services}
        empty={t.site.noServices}
        of={servicesAt(store, id).map((service) => {
          const out = service.from.site === id;
          const name = siteName(store, out ? service.to.site : service.from.site);
          return {
            title: out ? t.site.to(name) : t.site.from(name),
            note: gbps(service.bandwidth_gbps),
            state: stateNow(store, service),
            to: { kind: "service", id: service.id },
          };
        })}
      />
    </>
  );
}
