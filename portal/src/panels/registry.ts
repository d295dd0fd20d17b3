// Every kind of thing that can be selected, and the panel that it has.
import type { Kind } from "../state/address";
import { FIBRE } from "./fibre";
import { INCIDENT } from "./incident";
import type { PanelKind } from "./kind";
import { LINK } from "./link";
import { SERVICE } from "./service";
import { SITE } from "./site";

export const PANELS: Record<Kind, PanelKind> = {
  link: LINK,
  fibre: FIBRE,
  site: SITE,
  service: SERVICE,
  incident: INCIDENT,
};
