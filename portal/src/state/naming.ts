// Names instead of ids where a person reads: a fibre by its ends, also in the middle of a sentence of the controller's.
import type { IncidentOut } from "../api/schema";
import { t } from "../words/en";
import { date } from "../words/figures";
import { siteName, type State } from "./store";

export function fibreName(state: Pick<State, "atlas">, id: string): string {
  const fibre = state.atlas?.fibre.get(id);
  return fibre === undefined ? id : `${siteName(state, fibre.a)} – ${siteName(state, fibre.b)}`;
}

/** Sites and risk groups too, for sentences about an order; what is a word as well as an id is left as it is. */
export function called(state: Pick<State, "atlas">, text: string): string {
  const name = (id: string): string | undefined => state.atlas?.site.get(id)?.name ?? state.atlas?.group.get(id)?.name;
  return named(state, text).replace(ID, (word) => (word.includes("-") ? (name(word) ?? word) : word));
}

/** All that an id may consist of: fibres like `a--b`, links like `a>b`. */
const ID = /[a-z0-9][a-z0-9._>:-]*/g;

/** A moment as the API writes it, also in the middle of a sentence. */
const INSTANT = /\b\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)/g;

/** The text with moments by the viewer's clock, and with known fibres and links called by their ends. What nobody knows stays as it is. */
export function named(state: Pick<State, "atlas">, text: string): string {
  const name = (id: string): string | null => {
    if (state.atlas?.fibre.has(id) === true) return fibreName(state, id);
    const link = state.atlas?.link.get(id);
    return link === undefined ? null : `${siteName(state, link.tail)} → ${siteName(state, link.head)}`;
  };
  return text.replace(INSTANT, (at) => date(at)).replace(ID, (word) => {
    const bare = word.replace(/[.:]+$/, "");
    return name(word) ?? (name(bare) ?? bare) + word.slice(bare.length);
  });
}

/** A fibre is called by its sites; of what failed together it is said what that is. A tenant is not told which it was. */
export function titleOf(state: Pick<State, "atlas">, incident: Pick<IncidentOut, "fibres" | "title">): string {
  const [only, ...more] = incident.fibres;
  if (only === undefined && incident.title === "") return t.incident.untitled;
  return only !== undefined && more.length === 0 ? fibreName(state, only) : named(state, incident.title);
}

/** What fails or is drained by its name: a fibre, a site or a risk group. */
export function targetName(state: Pick<State, "atlas">, id: string): string {
  if (state.atlas?.fibre.has(id) === true) return fibreName(state, id);
  return state.atlas?.group.get(id)?.name ?? siteName(state, id);
}
