// Why a service is where it is: the decision that placed it, and the ways that were looked at.
import { ask } from "../../api/client";
import { useStore } from "../../page";
import { Answer } from "../../parts/Answer";
import { useAsked } from "../../parts/asked";
import { Facts } from "../../parts/Facts";
import { Items } from "../../parts/Items";
import { named } from "../../state/naming";
import { siteName } from "../../state/store";
import { t } from "../../words/en";
import { date, ms } from "../../words/figures";

const DOTS: Record<string, string> = { chosen: "ACTIVE", backup: "RESERVED", down: "down", closed: "drained" };

export function Why({ id }: { id: string }) {
  const store = useStore();
  const asked = useAsked(id, (signal) =>
    ask("GET /v1/services/{service_id}/explanation", { path: { service_id: id }, signal }),
  );
  return (
    <Answer of={asked}>
      {({ decision, missing, events }) => (
        <>
          {decision === null ? (
            <p class="nothing">{missing}</p>
          ) : (
            <>
              <Facts of={[[t.service.decided, date(decision.at)], [t.service.asked, named(store, decision.asked)]]} />
              <Items
                tall
                title={t.service.considered}
                empty={t.service.noWays}
                of={decision.ways.map((way) => ({
                  title: way.sites.map((site) => siteName(store, site)).join(" – "),
                  note: `${ms(way.latency_ms)} · ${named(store, way.text)}`,
                  state: DOTS[way.verdict] ?? "unknown",
                }))}
              />
            </>
          )}
          <Items
            title={t.service.history}
            empty={t.panel.none}
            of={events.map((event) => ({ title: event.type.replace(/^highroad\.service\./, ""), note: date(event.at) }))}
          />
        </>
      )}
    </Answer>
  );
}
