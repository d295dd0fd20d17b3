// How facts are shown: a sheet is built once for what is selected, and each fact knows how to read itself anew, so that
// a live page neither flickers nor loses the keyboard's place.
import { h, put, say } from "../dom";
import type { Selection } from "../select";

export interface Item {
  title: string;
  note?: string;
  /** A state word that colours the item's dot. */
  state?: string;
  to?: Selection;
}

export type Pick = (selection: Selection | null) => void;

export class Sheet {
  readonly node: HTMLElement;
  private readonly heading = h("h2");
  private readonly badge = h("span", { class: "badge", hidden: true });
  private readonly lead = h("p", { class: "lead" });
  private readonly body = h("div", { class: "sheet-body" });
  private facts: HTMLElement | null = null;
  private readonly refreshers: (() => void)[] = [];

  constructor(
    kind: string,
    what: string,
    private readonly pick: Pick,
  ) {
    this.heading.setAttribute("tabindex", "-1");
    const close = h("button", { class: "icon close", type: "button", "aria-label": "Close", onclick: () => pick(null) }, "✕");
    this.node = h(
      "section",
      { class: "sheet", "data-panel": kind, "aria-label": what },
      h("header", {}, h("p", { class: "eyebrow" }, h("span", {}, what), this.badge), close, this.heading, this.lead),
      this.body,
    );
  }

  update(): void {
    for (const refresh of this.refreshers) refresh();
  }

  focus(): void {
    this.heading.focus({ preventScroll: true });
  }

  head(title: () => string, lead: () => string, badge: () => string | null = () => null): this {
    return this.live(() => {
      say(this.heading, title());
      say(this.lead, lead());
      const state = badge();
      this.badge.hidden = state === null;
      put(this.badge, "data-state", state);
      say(this.badge, state ?? "");
    });
  }

  /** One line of the list of facts; hidden while there is nothing to say. */
  fact(name: string, read: () => string | null): this {
    const value = h("dd");
    const row = h("div", { class: "fact", "data-fact": name }, h("dt", {}, name), value);
    this.facts ??= this.add(h("dl"));
    this.facts.append(row);
    return this.live(() => {
      const text = read();
      row.hidden = text === null;
      say(value, text ?? "");
    });
  }

  /** A share as a bar with its number: what is used of what there is. */
  meter(name: string, read: () => { share: number; step: number; text: string }): this {
    const fill = h("span", { class: "fill" });
    const text = h("span", { class: "meter-text" });
    const label = h("div", { class: "meter-label" }, h("span", {}, name), text);
    this.add(h("div", { class: "meter", "data-fact": name }, label, h("span", { class: "track" }, fill)));
    this.facts = null;
    return this.live(() => {
      const now = read();
      fill.style.setProperty("width", `${Math.min(100, now.share * 100).toFixed(1)}%`);
      put(fill, "data-step", String(now.step));
      say(text, now.text);
    });
  }

  list(title: string, empty: string, read: () => Item[], ordered = false): this {
    const count = h("span", { class: "count" });
    const items = ordered ? h("ol", { class: "items stops" }) : h("ul", { class: "items" });
    const nothing = h("p", { class: "nothing" }, empty);
    this.add(h("section", { class: "part", "data-list": title }, h("h3", {}, `${title} `, count), items, nothing));
    this.facts = null;
    let shown = "";
    return this.live(() => {
      const now = read();
      const key = JSON.stringify(now);
      if (key === shown) return;
      shown = key;
      nothing.hidden = now.length > 0;
      say(count, now.length > 0 ? String(now.length) : "");
      items.replaceChildren(...now.map((item) => this.item(item)));
    });
  }

  /** A group of facts under a title of its own. */
  part(title: string): this {
    this.facts = h("dl");
    this.add(h("section", { class: "part" }, h("h3", {}, title), this.facts));
    return this;
  }

  private item(item: Item): HTMLElement {
    const inner = [
      item.state === undefined ? null : h("span", { class: "dot", "data-state": item.state, "aria-hidden": "true" }),
      h("span", { class: "item-title" }, item.title),
      item.note === undefined ? null : h("span", { class: "item-note" }, item.note),
    ];
    const to = item.to;
    if (to === undefined) return h("li", {}, h("span", { class: "item" }, ...inner));
    return h("li", {}, h("button", { class: "item", type: "button", onclick: () => this.pick(to) }, ...inner));
  }

  private add<T extends HTMLElement>(node: T): T {
    this.body.append(node);
    return node;
  }

  private live(refresh: () => void): this {
    this.refreshers.push(refresh);
    refresh();
    return this;
  }
}
