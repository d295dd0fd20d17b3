// The ports of a site, whose they are and what is ordered through each; and what it can send and receive at all.
import { all } from "../../api/client";
import type { PortOut, ServiceOut } from "../../api/schema";
import { useStore } from "../../page";
import { Answer } from "../../parts/Answer";
import { useAsked } from "../../parts/asked";
import { Meter } from "../../parts/Meter";
import { Part } from "../../parts/Part";
import { servicesAt } from "../../state/services";
import { t } from "../../words/en";
import { gbps, percent } from "../../words/figures";

export interface Used {
  port: PortOut;
  used_gbps: number;
  services: number;
}

/** What is ordered through each port, the fullest first. */
export function used(ports: readonly PortOut[], services: readonly ServiceOut[]): Used[] {
  return ports
    .map((port) => {
      const its = services.filter((service) => service.from.port === port.id || service.to.port === port.id);
      return { port, services: its.length, used_gbps: its.reduce((sum, service) => sum + service.bandwidth_gbps, 0) };
    })
    .sort((a, b) => b.used_gbps / b.port.rate_gbps - a.used_gbps / a.port.rate_gbps || (a.port.id < b.port.id ? -1 : 1));
}

export function Ports({ id }: { id: string }) {
  const store = useStore();
  const asked = useAsked(id, async () => (await all("GET /v1/ports")).filter((port) => port.site === id));
  return (
    <Part title={t.site.ports}>
      <Answer of={asked}>
        {(ports) => (
          <>
            {used(ports, servicesAt(store, id)).map((one) => (
              <Meter
                key={one.port.id}
                name={store.operator ? t.site.portOf(one.port.id, one.port.tenant) : one.port.id}
                share={one.used_gbps / one.port.rate_gbps}
                text={t.site.portUse(gbps(one.used_gbps), gbps(one.port.rate_gbps), percent(one.used_gbps / one.port.rate_gbps))}
              />
            ))}
            {ports.length === 0 && <p class="nothing">{t.site.noPorts}</p>}
          </>
        )}
      </Answer>
    </Part>
  );
}
