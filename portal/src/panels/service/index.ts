import { stateNow } from "../../state/services";
import { t } from "../../words/en";
import { mayOrder } from "../../places/order/rights";
import { ends } from "../rows";
import type { PanelKind } from "../kind";
import { Change } from "./Change";
import { Now } from "./Now";
import { Proof } from "./Proof";
import { Why } from "./Why";

export const SERVICE: PanelKind = {
  what: () => t.service.what,
  head: (store, id) => {
    const service = store.services.get(id);
    if (service === undefined) return null;
    const lead = service.description === "" ? id : `${id} · ${service.description}`;
    return { title: ends(store, service), lead, badge: stateNow(store, service) };
  },
  sides: [
    { id: "now", title: t.service.now, Body: Now },
    { id: "proof", title: t.service.proof, Body: Proof },
    { id: "why", title: t.service.why, Body: Why },
    { id: "change", title: t.service.change, Body: Change, shown: (store) => mayOrder(store.who) },
  ],
};
