// What a link is worth: the newest plan's price of it, and what more of it would carry.
import { useState } from "preact/hooks";
import { ask } from "../../api/client";
import type { OutlookOut } from "../../api/schema";
import { upgradeOf } from "../../places/sweeps/Growth";
import { useStore } from "../../page";
import { Answer } from "../../parts/Answer";
import { useAsked } from "../../parts/asked";
import { Choice } from "../../parts/Choice";
import { Facts } from "../../parts/Facts";
import { Items } from "../../parts/Items";
import { Room } from "../../parts/Room";
import { t } from "../../words/en";
import { exactPercent, gbps } from "../../words/figures";
import { wayOf } from "../rows";
import { Price } from "./Price";

const SIZES = { "100": "100 G", "400": "400 G", "800": "800 G" } as const;
type Size = keyof typeof SIZES;
const MOST = 5;

export function Worth({ id }: { id: string }) {
  const store = useStore();
  const [size, turn] = useState<Size>("100");
  const asked = useAsked(`${id} ${size}`, (signal) => ask("GET /v1/whatif/outlook", { query: { add: [`${id}:${size}`] }, signal }));
  return (
    <>
      <Facts of={[[t.worth.price, <Price key="price" link={id} />]]} />
      <Choice name={t.worth.more} of={SIZES} chosen={size} choose={turn} />
      <h3>{t.worth.another(gbps(Number(size)), wayOf(store, id))}</h3>
      <Room of="worth">
        <Answer of={asked}>{(found) => <More link={id} of={found} />}</Answer>
      </Room>
      <p class="said">{t.worth.note}</p>
      <InTheWay />
    </>
  );
}

function More({ link, of: found }: { link: string; of: OutlookOut }) {
  const { planned, without } = found;
  const { more_gbps } = upgradeOf(link, found);
  if (planned.grows_to === null) return <p class="nothing">{t.worth.unlimited}</p>;
  const times = (value: number | null | undefined): string => (value === null || value === undefined ? "–" : value.toFixed(2));
  return (
    <>
      <p class="gain" data-worth>
        … {more_gbps > 0.05 ? t.worth.carries(gbps(more_gbps)) : t.worth.nothing}
      </p>
      <Facts
        of={[
          [t.worth.fits, t.worth.times(times(without?.grows_to), times(planned.grows_to))],
          [t.worth.fullest, without === null ? null : t.plan.change(exactPercent(without.utilisation), exactPercent(planned.utilisation))],
          [t.worth.lost, without !== null && without.lost_gbps > 0.005 ? t.plan.change(gbps(without.lost_gbps), gbps(planned.lost_gbps)) : null],
        ]}
      />
    </>
  );
}

/** The links of which more would help, by the newest plan's prices. */
function InTheWay() {
  const store = useStore();
  const asked = useAsked("prices", async (signal) => {
    const { plan } = await ask("GET /v1/plan", { signal });
    return plan === null ? [] : (await ask("GET /v1/plan/{plan_id}", { path: { plan_id: plan.id }, signal })).links;
  });
  if (asked.state !== "here") return null;
  const dear = asked.value.filter((one) => one.price > 0).sort((a, b) => b.price - a.price);
  return (
    <Items
      title={t.worth.wait}
      empty={t.worth.noWait}
      of={dear.slice(0, MOST).map((one) => ({
        title: wayOf(store, one.link),
        note: t.worth.priceShort(exactPercent(one.price)),
        to: { kind: "link", id: one.link },
      }))}
    />
  );
}
