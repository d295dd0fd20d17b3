// Every word of the page that is not data, a file for each place in `en/`. What is a sentence with figures in it is a function.
import { app, signIn, header, controls, views, legend, reach, chart, spans, places, table, map } from "./en/shell";
import { panel, site, link, fibre, whatIf, drain, incident, contour, worth } from "./en/panels";
import { service, prove } from "./en/service";
import { lists } from "./en/lists";
import { order } from "./en/order";
import { timeline } from "./en/timeline";
import { plan } from "./en/plan";
import { sweeps } from "./en/sweeps";

export { count } from "./en/count";
export { MEDIA, OUTCOMES, REASONS, USES } from "./en/panels";
export { KINDS, kindTitle } from "./en/shell";

export const t = {
  again: (said: string) => `${said} Trying again…`,
  app,
  signIn,
  header,
  controls,
  views,
  legend,
  reach,
  lists,
  panel,
  chart,
  spans,
  site,
  link,
  fibre,
  whatIf,
  drain,
  service,
  incident,
  places,
  order,
  timeline,
  plan,
  sweeps,
  contour,
  worth,
  prove,
  table,
  map,
} as const;
