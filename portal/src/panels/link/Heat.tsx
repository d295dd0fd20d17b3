// Who heats a link: the services on it by what they carry now, and their classes.
import { useStore } from "../../page";
import { Items } from "../../parts/Items";
import { Meter } from "../../parts/Meter";
import { servicesOn, waysOf } from "../../state/services";
import type { State } from "../../state/store";
import { t } from "../../words/en";
import { gbps, percent } from "../../words/figures";
import { serviceItem } from "../rows";
import { Part } from "../../parts/Part";

export interface Heater {
  service: string;
  class: string;
  gbps: number;
}

/** What each service brings to a link now, the most first. */
export function heaters(state: State, link: string): Heater[] {
  const found = servicesOn(state, [link]).map((service) => {
    const rate = state.sample?.services[service.id];
    let sum = 0;
    for (const way of waysOf(service)) {
      const share = "share" in way ? Number(way.share) : 1;
      if (way.there?.links.includes(link) === true) sum += (rate?.carried_gbps_there ?? 0) * share;
      if (way.back?.links.includes(link) === true) sum += (rate?.carried_gbps_back ?? 0) * share;
    }
    return { service: service.id, class: service.traffic_class, gbps: sum };
  });
  return found.sort((a, b) => b.gbps - a.gbps || (a.service < b.service ? -1 : 1));
}

export function Heat({ id }: { id: string }) {
  const store = useStore();
  const found = heaters(store, id);
  const capacity = store.atlas?.link.get(id)?.capacity_gbps ?? 0;
  const share = (rate: number): number => (capacity > 0 ? rate / capacity : 0);
  const classes = new Map<string, number>();
  for (const one of found) classes.set(one.class, (classes.get(one.class) ?? 0) + one.gbps);
  return (
    <>
      {classes.size > 0 && (
        <Part title={t.link.byClass}>
          {[...classes].map(([name, rate]) => (
            <Meter key={name} name={name} share={share(rate)} text={`${gbps(rate)} · ${percent(share(rate))}`} />
          ))}
        </Part>
      )}
      <Items
        tall
        title={t.link.services}
        empty={t.link.noServices}
        of={found.flatMap((one) => {
          const service = store.services.get(one.service);
          return service === undefined ? [] : [serviceItem(store, service, t.link.heater(gbps(one.gbps), percent(share(one.gbps))))];
        })}
      />
    </>
  );
}
