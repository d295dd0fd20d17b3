// Opens the sheet of what is selected, keeps it current, and says so when an address names something that is not here.
import { get } from "../api";
import { h } from "../dom";
import { same, type Selection } from "../select";
import type { Store } from "../state";
import type { CountersOut } from "../wire";
import { fibreSheet } from "./fibre";
import { incidentSheet } from "./incident";
import { linkSheet } from "./link";
import { counting, serviceSheet } from "./service";
import { Sheet, type Pick } from "./sheet";
import { siteSheet } from "./site";

/** How often the counters of a service that one looks at are read. */
const COUNTERS_MS = 4000;

export class Panel {
  readonly node = h("aside", { class: "panel", hidden: true });
  private shown: Selection | null = null;
  private sheet: Sheet | null = null;
  private counters: CountersOut | null = null;
  private timer: ReturnType<typeof setInterval> | undefined;

  constructor(
    private readonly store: Store,
    private readonly pick: Pick,
  ) {
    store.on(["selection", "network"], () => this.open());
    store.on(["services", "incidents"], () => (this.sheet === null ? this.open() : this.sheet.update()));
    store.on(["sample", "faults"], () => this.sheet?.update());
  }

  private open(): void {
    const wanted = this.store.state.selection;
    if (same(wanted, this.shown) && this.sheet !== null) {
      this.sheet.update();
      return;
    }
    const moved = !same(wanted, this.shown);
    this.shown = wanted;
    this.counters = null;
    clearInterval(this.timer);
    this.sheet = wanted === null || this.store.state.atlas === null ? null : this.build(wanted);
    this.node.hidden = wanted === null || this.store.state.atlas === null;
    if (this.node.hidden || wanted === null) {
      this.node.replaceChildren();
      return;
    }
    this.node.replaceChildren(this.sheet?.node ?? this.missing(wanted));
    if (moved) this.node.scrollTop = 0;
    if (wanted.kind === "service") {
      void this.count(wanted.id);
      this.timer = setInterval(() => void this.count(wanted.id), COUNTERS_MS);
    }
  }

  private build({ kind, id }: Selection): Sheet | null {
    const state = this.store.state;
    switch (kind) {
      case "link":
        return linkSheet(state, id, this.pick);
      case "fibre":
        return fibreSheet(state, id, this.pick);
      case "site":
        return siteSheet(state, id, this.pick);
      case "service":
        return serviceSheet(state, id, this.pick, () => this.counters);
      case "incident":
        return incidentSheet(state, id, this.pick);
    }
  }

  private missing(wanted: Selection): HTMLElement {
    return new Sheet("missing", wanted.kind, this.pick).head(
      () => "Not here",
      () => `There is no ${wanted.kind} “${wanted.id}” that you may see. It may have been removed.`,
    ).node;
  }

  private async count(id: string): Promise<void> {
    const service = this.store.state.services.get(id);
    if (service === undefined || !counting(this.store.state, service)) return;
    try {
      const counters = await get<CountersOut>(`/v1/services/${encodeURIComponent(id)}/counters`);
      if (this.shown?.kind !== "service" || this.shown.id !== id) return;
      this.counters = counters;
      this.sheet?.update();
    } catch {
      // The service may have ended in between; the sheet shows what it has.
    }
  }
}
