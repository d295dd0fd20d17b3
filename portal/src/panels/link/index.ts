import { stateOf } from "../../state/faults";
import { t } from "../../words/en";
import { way } from "../rows";
import type { PanelKind } from "../kind";
import { Ahead } from "./Ahead";
import { DrainIt } from "./DrainIt";
import { Heat } from "./Heat";
import { Now } from "./Now";
import { OverTime } from "./OverTime";
import { Worth } from "./Worth";

export const LINK: PanelKind = {
  what: () => t.link.what,
  head: (store, id) => {
    const link = store.atlas?.link.get(id);
    return link === undefined ? null : { title: way(store, link), lead: id, badge: stateOf(link, store.faults) };
  },
  sides: [
    { id: "now", title: t.link.now, Body: Now },
    { id: "time", title: t.link.time, Body: OverTime },
    { id: "ahead", title: t.link.ahead, Body: Ahead },
    { id: "heat", title: t.link.heat, Body: Heat },
    { id: "worth", title: t.worth.title, Body: Worth },
    { id: "drain", title: t.link.drain, Body: DrainIt },
  ],
};
