import { t } from "../../words/en";
import type { PanelKind } from "../kind";
import { titleOf } from "../../state/naming";
import { Now } from "./Now";

export const INCIDENT: PanelKind = {
  what: () => t.incident.what,
  head: (store, id) => {
    const incident = store.incidents.find((one) => one.id === id);
    if (incident === undefined) return null;
    return { title: titleOf(store, incident), lead: id, badge: incident.open ? "open" : "closed" };
  },
  sides: [{ id: "now", title: t.incident.what, Body: Now }],
};
