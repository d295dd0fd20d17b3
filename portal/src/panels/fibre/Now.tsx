// The facts of a fibre: where it runs, what it is made of, what fails with it.
import { load } from "../../map/ramp";
import { useStore } from "../../page";
import { Facts } from "../../parts/Facts";
import { Items } from "../../parts/Items";
import { fibreState } from "../../state/faults";
import { carriedOn, servicesOn } from "../../state/services";
import { count, MEDIA, t } from "../../words/en";
import { gbps, km, ms, percent } from "../../words/figures";
import { way } from "../rows";

const MS_PER_KM: Record<string, number> = { smf: 0.0049, hollow_core: 0.0034 };

export function Now({ id }: { id: string }) {
  const store = useStore();
  const fibre = store.atlas?.fibre.get(id);
  if (fibre === undefined) return null;
  const links = store.atlas?.linksOn.get(id) ?? [];
  const each = MS_PER_KM[fibre.medium];
  return (
    <>
      <Facts
        of={[
          [t.fibre.length, km(fibre.length_km)],
          [t.fibre.medium, MEDIA[fibre.medium] ?? fibre.medium],
          [t.fibre.light, each === undefined ? null : t.link.oneWay(ms(fibre.length_km * each))],
          [t.fibre.crosses, fibre.jurisdictions.length > 0 ? fibre.jurisdictions.join(", ") : "–"],
          [t.fibre.carries, count(servicesOn(store, links.map((link) => link.id)).length, "service")],
        ]}
      />
      <Items
        title={t.fibre.links}
        empty={t.fibre.noLinks}
        of={links.map((link) => {
          const carried = carriedOn(store, link.id);
          return {
            title: way(store, link),
            note: `${gbps(carried)} · ${percent(load(carried, link.capacity_gbps))}`,
            state: fibreState(store.faults, id),
            to: { kind: "link", id: link.id },
          };
        })}
      />
      <RiskGroups of={fibre.risk_groups} />
    </>
  );
}

/** What fails together, and how much of it. */
export function RiskGroups({ of }: { of: readonly string[] }) {
  const store = useStore();
  return (
    <Items
      title={t.fibre.groups}
      empty={t.fibre.noGroups}
      of={of.map((group) => {
        const others = (store.atlas?.network.fibres ?? []).filter((fibre) => fibre.risk_groups.includes(group));
        return { title: store.atlas?.group.get(group)?.name ?? group, note: count(others.length, "fibre") };
      })}
    />
  );
}
