// The rail at the left: services, incidents and fibres as lists that one can filter; everything on the map is here too,
// for the keyboard and for who prefers words.
import { h, put, say } from "./dom";
import { fibreName } from "./naming";
import { fibreState } from "./panel/fibre";
import { titleOf } from "./panel/incident";
import { same, type Selection } from "./select";
import { ENDED, siteName, stateNow, type State, type Store } from "./state";
import type { ServiceOut } from "./wire";
import { count, date, gbps, km, ms } from "./words";

type Tab = "services" | "incidents" | "fibres";
interface Row {
  key: string;
  title: string;
  note: string;
  sub: string;
  state: string;
  to: Selection | null;
}

/** More rows than this help nobody; the filter does. */
const MOST = 200;
const ORDER_HINT = "highroad service order FROM TO 100G";

export class Lists {
  readonly node: HTMLElement;
  private tab: Tab = "services";
  private readonly tabs = new Map<Tab, { button: HTMLButtonElement; count: HTMLElement }>();
  private readonly filter: HTMLInputElement;
  private readonly ended: HTMLInputElement;
  private readonly endedLabel: HTMLElement;
  private readonly rows = h("ul", { class: "rows", id: "rows", role: "tabpanel", tabindex: -1 });
  private readonly more = h("p", { class: "nothing" });
  private readonly kept = new Map<string, HTMLLIElement>();

  constructor(
    private readonly store: Store,
    private readonly pick: (selection: Selection | null) => void,
  ) {
    const operator = store.state.who.tenant === null;
    const bar = h("div", { class: "tabs", role: "tablist", "aria-label": "Lists" });
    for (const [tab, title] of [
      ["services", "Services"],
      ["incidents", "Incidents"],
      ["fibres", "Fibres"],
    ] as const) {
      if (!operator && tab === "fibres") continue;
      const number = h("span", { class: "count" });
      const button = h(
        "button",
        { type: "button", role: "tab", "data-tab": tab, "aria-controls": "rows", onclick: () => this.turn(tab) },
        title,
        number,
      );
      this.tabs.set(tab, { button, count: number });
      bar.append(button);
    }
    this.filter = h("input", {
      type: "search",
      placeholder: "Filter",
      "aria-label": "Filter the list",
      autocomplete: "off",
      spellcheck: "false",
      oninput: () => this.draw(),
    });
    this.ended = h("input", { type: "checkbox", onchange: () => this.draw() });
    this.endedLabel = h("label", { class: "ended" }, this.ended, "ended too");
    this.node = h(
      "nav",
      { class: "rail", "aria-label": "Services, incidents and fibres", id: "rail" },
      bar,
      h("div", { class: "tools" }, this.filter, this.endedLabel),
      this.rows,
      this.more,
    );
    store.on(["services", "incidents", "network", "faults", "selection", "sample"], () => this.draw());
    this.turn("services");
  }

  turn(tab: Tab): void {
    this.tab = tab;
    for (const [name, { button }] of this.tabs) put(button, "aria-selected", String(name === tab));
    this.endedLabel.hidden = tab !== "services";
    this.rows.scrollTop = 0;
    this.draw();
  }

  private draw(): void {
    const state = this.store.state;
    const live = [...state.services.values()].filter((service) => !ENDED.has(stateNow(state, service)));
    say(this.badge("services"), String(live.length));
    const open = state.incidents.filter((incident) => incident.open).length;
    const incidents = this.badge("incidents");
    say(incidents, String(open));
    put(incidents, "data-state", open > 0 ? "open" : null);
    say(this.badge("fibres"), String(state.atlas?.network.fibres.length ?? 0));

    const found = this.matching(this.rowsOf(live));
    const shown = found.slice(0, MOST);
    const nodes = shown.map((row) => this.row(row));
    const current = [...this.rows.children];
    if (current.length !== nodes.length || nodes.some((node, at) => node !== current[at])) {
      this.rows.replaceChildren(...nodes);
      const keys = new Set(shown.map((row) => row.key));
      for (const key of this.kept.keys()) if (!keys.has(key)) this.kept.delete(key);
    }
    this.more.hidden = found.length > 0 && found.length === shown.length;
    this.sayMore(found.length, shown.length);
  }

  private badge(tab: Tab): HTMLElement {
    return this.tabs.get(tab)?.count ?? h("span");
  }

  private sayMore(found: number, shown: number): void {
    if (found > shown) return say(this.more, `${count(found - shown, "more", "more")}: filter to see them.`);
    if (found > 0 || this.store.state.atlas === null) return say(this.more, "");
    if (this.filter.value !== "") return say(this.more, `Nothing matches “${this.filter.value}”.`);
    if (this.tab === "incidents") return say(this.more, "Nothing has failed, and nothing is being drained.");
    if (this.tab === "fibres") return say(this.more, "This network has no fibres.");
    if (this.more.querySelector("code") !== null) return undefined;
    this.more.replaceChildren(
      h("span", { class: "big" }, "No services yet."),
      h("span", {}, "Order the first one, and its path lights up here:"),
      h("code", {}, ORDER_HINT),
    );
    return undefined;
  }

  private rowsOf(live: ServiceOut[]): Row[] {
    const state = this.store.state;
    switch (this.tab) {
      case "services": {
        const all = this.ended.checked ? [...state.services.values()] : live;
        return all.map((service) => serviceRow(state, service)).sort(byUrgency);
      }
      case "incidents":
        return [...drains(state), ...incidents(state)];
      case "fibres":
        return (state.atlas?.network.fibres ?? [])
          .map((fibre) => ({
            key: `fibre ${fibre.id}`,
            title: fibreName(state, fibre.id),
            note: km(fibre.length_km),
            sub: fibre.id,
            state: fibreState(state, fibre.id),
            to: { kind: "fibre", id: fibre.id } as const,
          }))
          .sort(byUrgency);
    }
  }

  private matching(rows: Row[]): Row[] {
    const words = this.filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    if (words.length === 0) return rows;
    return rows.filter((row) => {
      const text = `${row.title} ${row.sub} ${row.state} ${row.to?.id ?? ""}`.toLowerCase();
      return words.every((word) => text.includes(word));
    });
  }

  private row(row: Row): HTMLLIElement {
    let node = this.kept.get(row.key);
    if (node === undefined) {
      const button = h(
        "button",
        { class: "row", type: "button" },
        h("span", { class: "dot", "aria-hidden": "true" }),
        h("span", { class: "row-title" }),
        h("span", { class: "row-note" }),
        h("span", { class: "row-sub" }),
        h("span", { class: "unseen" }),
      );
      const to = row.to;
      if (to === null) button.disabled = true;
      else {
        button.addEventListener("click", () => this.pick(to));
        put(button, `data-${to.kind}-row`, to.id);
      }
      node = h("li", {}, button);
      this.kept.set(row.key, node);
    }
    const button = node.firstElementChild as HTMLElement;
    const [dot, title, note, sub, unseen] = [...button.children] as HTMLElement[];
    if (!dot || !title || !note || !sub || !unseen) return node;
    put(button, "data-state", row.state);
    put(dot, "data-state", row.state);
    say(title, row.title);
    say(note, row.note);
    say(sub, row.sub);
    say(unseen, row.state);
    put(button, "aria-current", row.to !== null && same(row.to, this.store.state.selection) ? "true" : null);
    return node;
  }
}

function serviceRow(state: State, service: ServiceOut): Row {
  const now = stateNow(state, service);
  const rate = state.sample?.services[service.id];
  const latency = rate?.latency_ms_there ?? service.there?.latency_ms;
  return {
    key: `service ${service.id}`,
    title: `${siteName(state, service.from.site)} – ${siteName(state, service.to.site)}`,
    note: gbps(service.bandwidth_gbps),
    sub: [service.id, service.tenant, now === "ACTIVE" ? null : now.toLowerCase(), latency === undefined ? null : ms(latency)]
      .filter(Boolean)
      .join(" · "),
    state: now,
    to: { kind: "service", id: service.id },
  };
}

function incidents(state: State): Row[] {
  return state.incidents.map((incident) => {
    const dark = incident.outages.map((outage) => outage.dark_ms ?? outage.less_than_ms ?? 0);
    const counted = incident.outages.some((outage) => outage.dark_ms !== null && outage.dark_ms === Math.max(...dark));
    const unhealed = incident.outages.some((outage) => !outage.healed);
    return {
      key: `incident ${incident.id}`,
      title: titleOf(state, incident),
      note: unhealed ? "still dark" : dark.length > 0 ? `${counted ? "" : "< "}${ms(Math.max(...dark))} dark` : "no outage",
      sub: `${incident.open ? "open since" : "closed, of"} ${date(incident.opened)}`,
      state: incident.open ? "down" : "closed",
      to: { kind: "incident", id: incident.id },
    };
  });
}

function drains(state: State): Row[] {
  return state.maintenances
    .filter((maintenance) => maintenance.ended === null)
    .map((maintenance) => ({
      key: `maintenance ${maintenance.id}`,
      title: maintenance.fibres.map((fibre) => fibreName(state, fibre)).join(", ") || maintenance.target,
      note: maintenance.state.toLowerCase(),
      sub:
        maintenance.state === "SCHEDULED"
          ? `${count(maintenance.moving.length, "service")} to move, ${maintenance.stuck.length} stuck · from ${date(maintenance.start ?? maintenance.started)}`
          : `${count(maintenance.moved.length, "service")} moved, ${maintenance.stuck.length} stuck · ${date(maintenance.started)}${maintenance.note === "" ? "" : ` · ${maintenance.note}`}`,
      state: "drained",
      to: maintenance.fibres[0] === undefined ? null : { kind: "fibre", id: maintenance.fibres[0] },
    }));
}

const URGENT: Record<string, number> = { down: 0, FAILED: 1, DEGRADED: 1, SUSPENDED: 2, drained: 2, ACTIVATING: 3, ACTIVE: 4 };

function byUrgency(a: Row, b: Row): number {
  return (URGENT[a.state] ?? 5) - (URGENT[b.state] ?? 5) || a.title.localeCompare(b.title) || (a.key < b.key ? -1 : 1);
}
