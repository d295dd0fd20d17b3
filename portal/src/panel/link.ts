// The facts of a link: both directions, for one seldom asks about a road without its way back.
import { stateOf } from "../faults";
import { fibreName } from "../naming";
import { load, step } from "../ramp";
import { carriedOn, servicesOn, siteName, stateNow, type State } from "../state";
import type { LinkOut } from "../wire";
import { gbps, km, ms, percent } from "../words";
import { Sheet, type Pick } from "./sheet";

/** The link the other way over the same fibres. */
export function opposite(state: State, link: LinkOut): LinkOut | null {
  const back = JSON.stringify([...link.fibres].reverse());
  const found = state.atlas?.linksAt
    .get(link.head)
    ?.find((other) => other.tail === link.head && other.head === link.tail && JSON.stringify(other.fibres) === back);
  return found ?? null;
}

export function linkSheet(state: State, id: string, pick: Pick): Sheet | null {
  const link = (): LinkOut | undefined => state.atlas?.link.get(id);
  const first = link();
  if (first === undefined) return null;
  const now = (): LinkOut => link() ?? first;
  const back = opposite(state, first);
  const ends = (of: LinkOut): string => `${siteName(state, of.tail)} → ${siteName(state, of.head)}`;
  const sheet = new Sheet("link", "Link", pick).head(
    () => ends(now()),
    () => id,
    () => stateOf(now(), state.faults),
  );
  for (const way of back === null ? [first] : [first, back]) {
    sheet.meter(ends(way), () => {
      const carried = carriedOn(state, way.id);
      const share = load(carried, way.capacity_gbps);
      return { share, step: step(share), text: `${gbps(carried)} · ${percent(share)}` };
    });
  }
  return sheet
    .fact("Capacity", () => `${gbps(now().capacity_gbps)} each way`)
    .fact("Booked now", () => {
      const other = back === null ? undefined : state.atlas?.link.get(back.id);
      const there = `${gbps(now().booked_gbps)} there`;
      return other === undefined ? there : `${there}, ${gbps(other.booked_gbps)} back`;
    })
    .fact("Latency", () => `${ms(now().latency_ms)} one way`)
    .list("Fibres", "None.", () =>
      now().fibres.map((fibre) => {
        const facts = state.atlas?.fibre.get(fibre);
        return {
          title: fibreName(state, fibre),
          note: facts === undefined ? "" : km(facts.length_km),
          state: state.faults.down.has(fibre) ? "down" : state.faults.drained.has(fibre) ? "drained" : "up",
          to: { kind: "fibre", id: fibre },
        };
      }),
    )
    .list("Services crossing it", "No service crosses it now.", () =>
      servicesOn(state, back === null ? [id] : [id, back.id]).map((service) => ({
        title: `${siteName(state, service.from.site)} – ${siteName(state, service.to.site)}`,
        note: gbps(service.bandwidth_gbps),
        state: stateNow(state, service),
        to: { kind: "service", id: service.id },
      })),
    );
}
