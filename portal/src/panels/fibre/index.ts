import { fibreName } from "../../state/naming";
import { fibreState } from "../../state/faults";
import { t } from "../../words/en";
import { Drain } from "../shared/Drain";
import { WhatIf } from "../shared/WhatIf";
import type { PanelKind } from "../kind";
import { Now } from "./Now";

export const FIBRE: PanelKind = {
  what: () => t.fibre.what,
  head: (store, id) =>
    store.atlas?.fibre.has(id) === true
      ? { title: fibreName(store, id), lead: id, badge: fibreState(store.faults, id) }
      : null,
  sides: [
    { id: "now", title: t.fibre.now, Body: Now },
    { id: "cut", title: t.fibre.cut, Body: WhatIf, shown: (store) => store.operator },
    { id: "drain", title: t.fibre.drain, Body: Drain, shown: (store) => store.operator },
  ],
};
