// The map for who does not see it, and for the keyboard: inside a canvas lies what it shows, as buttons and words. A browser
// draws none of it, reads it aloud, and lets one go through it: sites with the arrow keys, as one stop of Tab.
import type { NetworkOut } from "../api/schema";
import type { LinkState } from "../state/faults";
import type { Selection } from "../state/address";
import type { Route } from "../state/store";
import { t } from "../words/en";
import { loadText, step, STEPS } from "./ramp";

interface LinkMark {
  node: HTMLButtonElement;
  from: string;
  to: string;
  state: LinkState;
  step: number;
  load: string;
}

export class Mirror {
  readonly sites = document.createElement("div");
  private readonly links = document.createElement("div");
  private readonly routes = document.createElement("ul");
  private marks = new Map<string, LinkMark>();
  private stops = new Map<string, HTMLButtonElement>();
  private names = new Map<string, string>();
  private current: string | null = null;

  constructor(pick: (selection: Selection) => void) {
    const press = (event: Event): void => {
      const node = event.target instanceof HTMLElement ? event.target.closest("button") : null;
      const { site, link } = node?.dataset ?? {};
      if (site !== undefined) pick({ kind: "site", id: site });
      if (link !== undefined) pick({ kind: "link", id: link });
    };
    for (const group of [this.sites, this.links]) {
      group.addEventListener("click", press);
      group.setAttribute("role", "group");
    }
    this.sites.setAttribute("aria-label", t.map.sites);
    this.links.setAttribute("aria-label", t.map.links);
    this.routes.setAttribute("aria-label", t.map.routes);
  }

  get nodes(): HTMLElement[] {
    return [this.sites, this.links, this.routes];
  }

  show(network: NetworkOut): void {
    this.names = new Map(network.sites.map((site) => [site.id, site.name]));
    this.stops = new Map(
      network.sites.map((site) => {
        const node = button(t.map.site(site.name, site.kind));
        node.dataset["site"] = site.id;
        node.dataset["kind"] = site.kind;
        return [site.id, node];
      }),
    );
    this.sites.replaceChildren(...this.stops.values());
    this.current = null;
    this.stand(network.sites[0]?.id ?? null);
    this.marks = new Map(
      network.links.map((link) => {
        const node = button("");
        const mark: LinkMark = {
          node,
          from: this.name(link.tail),
          to: this.name(link.head),
          state: "up",
          step: 0,
          load: "0",
        };
        node.dataset["link"] = link.id;
        node.dataset["state"] = mark.state;
        node.dataset["load"] = mark.load;
        label(mark);
        return [link.id, mark];
      }),
    );
    this.links.replaceChildren(...[...this.marks.values()].map((mark) => mark.node));
  }

  /** Writes only what differs: with thousands of links a second, what is not written costs nothing. */
  light(of: ReadonlyMap<string, { state: LinkState; share: number }>): void {
    for (const [id, mark] of this.marks) {
      const lit = of.get(id);
      if (lit === undefined) continue;
      const [load, full] = [loadText(lit.share), step(lit.share)];
      if (load !== mark.load) {
        mark.load = load;
        mark.node.dataset["load"] = load;
      }
      if (lit.state === mark.state && full === mark.step) continue;
      if (lit.state !== mark.state) mark.node.dataset["state"] = lit.state;
      [mark.state, mark.step] = [lit.state, full];
      label(mark);
    }
  }

  trace(routes: readonly Route[]): void {
    this.routes.replaceChildren(
      ...routes.map((route) => {
        const item = document.createElement("li");
        item.dataset["route"] = route.service;
        item.dataset["way"] = route.way;
        item.textContent = t.map.route(t.map.ways[route.way], route.sites.map((site) => this.name(site)).join(", "));
        return item;
      }),
    );
  }

  /** The one site that Tab comes to. */
  stand(site: string | null): void {
    if (this.current !== null) this.stops.get(this.current)?.setAttribute("tabindex", "-1");
    this.current = site;
    if (site !== null) this.stops.get(site)?.setAttribute("tabindex", "0");
  }

  focus(site = this.current): void {
    if (site !== null) this.stops.get(site)?.focus({ preventScroll: true });
  }

  private name(site: string): string {
    return this.names.get(site) ?? site;
  }
}

function button(label: string): HTMLButtonElement {
  const node = document.createElement("button");
  node.type = "button";
  node.tabIndex = -1;
  node.setAttribute("aria-label", label);
  return node;
}

function label({ node, from, to, state, step: full }: LinkMark): void {
  const most = STEPS[full - 1];
  node.setAttribute("aria-label", t.map.link(from, to, state, most === undefined ? null : Math.round(most * 100)));
}
