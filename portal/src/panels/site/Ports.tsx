// The ports of a site, whose they are and what is ordered through each; and what it can send and receive at all.
import type { PortOut, ServiceOut } from "../../api/schema";
import { useStore } from "../../page";
import { Meter } from "../../parts/Meter";
import { Part } from "../../parts/Part";
import { servicesAt } from "../../state/services";
import { t } from "../../words/en";
import { gbps } from "../../words/figures";

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

export function Ports({ id, of: ports }: { id: string; of: readonly PortOut[] }) {
  const store = useStore();
  return (
    <Part title={t.site.ports} count={ports.length}>
      {used(ports, servicesAt(store, id)).map(({ port, used_gbps }) => (
        <Meter
          key={port.id}
          name={store.operator ? t.site.portOf(port.id, port.tenant) : port.id}
          share={used_gbps / port.rate_gbps}
          text={t.site.portUse(gbps(used_gbps), gbps(port.rate_gbps), port.mtu_bytes)}
        />
      ))}
      {ports.length === 0 && <p class="nothing">{store.operator ? t.site.noPorts : t.site.noPortsOfYours}</p>}
    </Part>
  );
}
