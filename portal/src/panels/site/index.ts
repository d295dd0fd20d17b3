import { kindTitle, t } from "../../words/en";
import { Drain } from "../shared/Drain";
import { WhatIf } from "../shared/WhatIf";
import type { PanelKind } from "../kind";
import { Now } from "./Now";
import { Reach } from "./Reach";

export const SITE: PanelKind = {
  what: (store, id) => kindTitle(store.atlas?.site.get(id)?.kind ?? ""),
  head: (store, id) => {
    const site = store.atlas?.site.get(id);
    return site === undefined ? null : { title: site.name, lead: id };
  },
  sides: [
    { id: "now", title: t.site.now, Body: Now },
    { id: "reach", title: t.contour.title, Body: Reach, shown: (store) => store.operator },
    { id: "cut", title: t.site.cut, Body: WhatIf, shown: (store) => store.operator },
    { id: "drain", title: t.site.drain, Body: Drain, shown: (store) => store.operator },
  ],
};
