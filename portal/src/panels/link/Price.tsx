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
  return <span class="price">{asked.state === "here" ? priceWords(asked.value) : "…"}</span>;
}

function priceWords(price: number | null): string {
  if (price === null) return t.plan.none;
  return price > 0 ? t.link.priceIs(price < 0.00005 ? t.link.hardly : exactPercent(price)) : t.link.noPrice;
}
