// What one more Gbit/s of a link would be worth: the newest plan's price of it.
import { ask } from "../../api/client";
import { useAsked } from "../../parts/asked";
import { t } from "../../words/en";
import { exactPercent } from "../../words/figures";

export function Price({ link }: { link: string }) {
  const asked = useAsked(link, async (signal) => {
    const { plan } = await ask("GET /v1/plan", { signal });
    if (plan === null) return null;
    const diff = await ask("GET /v1/plan/{plan_id}", { path: { plan_id: plan.id }, signal });
    return diff.links.find((one) => one.link === link)?.price ?? 0;
  });
  if (asked.state !== "here") return <>…</>;
  if (asked.value === null) return <>{t.plan.none}</>;
  return <>{asked.value > 0 ? t.link.priceIs(asked.value < 0.00005 ? t.link.hardly : exactPercent(asked.value)) : t.link.noPrice}</>;
}
