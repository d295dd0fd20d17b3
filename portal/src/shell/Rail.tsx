// The rail at the left: one place at a time, and the way to the others.
import { useStore } from "../page";
import { PLACES } from "../places/registry";
import { OF_A_PLACE } from "../state/address";
import { go } from "../state/go";
import { t } from "../words/en";

export function Rail() {
  const store = useStore();
  const shown = PLACES.filter((place) => place.shown?.(store) ?? true);
  const [first] = shown;
  const open = shown.find((place) => place.id === store.address.place) ?? first;
  if (open === undefined) return null;
  return (
    <nav class="rail" id="rail" aria-label={t.app.lists} data-place={open.id}>
      <ul class="places" aria-label={t.app.places}>
        {shown.map((place) => (
          <li key={place.id}>
            <button
              type="button"
              data-place-tab={place.id}
              aria-current={place === open ? "page" : undefined}
              onClick={() => go(store, { place: place === first ? null : place.id, ...OF_A_PLACE })}
            >
              {place.title}
            </button>
          </li>
        ))}
      </ul>
      <h2 class="unseen">{open.title}</h2>
      <open.Body key={open.id} />
    </nav>
  );
}
