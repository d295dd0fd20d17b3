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
import { t } from "../../words/en";
import { exactPercent, gbps } from "../../words/figures";
import { wayOf } from "../rows";
import { Price } from "./Price";

const SIZES = { "100": "100 G", "400": "400 G", "800": "800 G" } as const;
type Size = keyof typeof SIZES;

export function Worth({ id }: { id: string }) {
  const store = useStore();
  const [size, turn] = useState<Size>("100");
  const asked = useAsked(`${id} ${size}`, (signal) => ask("GET /v1/whatif/outlook", { query: { add: [`${id}:${size}`] }, signal }));
  return (
    <>
      <Facts of={[[t.worth.price, <Price key="price" link={id} />]]} />
      <Choice name={t.worth.more} of={SIZES} chosen={size} choose={turn} />
      <h3>{t.worth.another(gbps(Number(size)), wayOf(store, id))}</h3>
      <Answer of={asked}>{(found) => <More link={id} of={found} />}</Answer>
      <p class="said">{t.worth.note}</p>
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
