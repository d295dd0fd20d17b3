// The facts of a link: both directions, for one seldom asks about a road without its way back.
import { lights } from "../../map/shown";
import { useStore } from "../../page";
import { Facts } from "../../parts/Facts";
import { Items } from "../../parts/Items";
import { Meter } from "../../parts/Meter";
import { opposite } from "../../state/atlas";
import { fibreState } from "../../state/faults";
import { fibreName } from "../../state/naming";
import { servicesOn } from "../../state/services";
import { t } from "../../words/en";
import { gbps, km, ms, percent } from "../../words/figures";
import { RiskGroups } from "../fibre/Now";
import { serviceItem, way } from "../rows";
import { Price } from "./Price";

export function Now({ id }: { id: string }) {
  const store = useStore();
  const link = store.atlas?.link.get(id);
  if (link === undefined) return null;
  const back = opposite(store.atlas, link);
  const lit = lights(store);
  const groups = [...new Set(link.fibres.flatMap((fibre) => store.atlas?.fibre.get(fibre)?.risk_groups ?? []))];
  return (
    <>
      {(back === null ? [link] : [link, back]).map((one) => {
        const { gbps: rate, share } = lit(one);
        const words = rate === null ? t.link.unknown : `${gbps(rate)} · ${percent(share)}`;
        return <Meter key={one.id} name={way(store, one)} share={share} text={store.ahead ? t.link.bookedThen(words) : words} />;
      })}
      <Facts
        of={[
          [t.link.capacity, t.link.eachWay(gbps(link.capacity_gbps))],
          [t.link.booked, t.link.bookedIs(gbps(link.booked_gbps), back === null ? null : gbps(back.booked_gbps))],
          [t.link.latency, t.link.oneWay(ms(link.latency_ms))],
          [t.link.price, <Price key="price" link={id} />],
        ]}
      />
      <Items
        title={t.link.fibres}
        empty={t.panel.none}
        of={link.fibres.map((fibre) => ({
          title: fibreName(store, fibre),
          note: km(store.atlas?.fibre.get(fibre)?.length_km ?? 0),
          state: fibreState(store.faults, fibre),
          to: { kind: "fibre", id: fibre },
        }))}
      />
      <RiskGroups of={groups} />
      <Items
        title={t.link.services}
        empty={t.link.noServices}
        of={servicesOn(store, back === null ? [id] : [id, back.id]).map((service) => serviceItem(store, service))}
      />
    </>
  );
}
