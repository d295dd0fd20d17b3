// A share before and after, as a bar that fills or empties: what is, is a mark on it, what would be, its length.
import { step } from "../map/ramp";
import { pick } from "../state/go";
import type { Selection } from "../state/address";
import { useStore } from "../page";

interface Props {
  name: string;
  before: number;
  after: number;
  text: string;
  to?: Selection;
  /** Its length is no load: it has the colour of none. */
  plain?: boolean;
}

export function Change({ name, before, after, text, to, plain = false }: Props) {
  const store = useStore();
  const width = (share: number): string => `${Math.min(100, Math.max(0, share) * 100).toFixed(1)}%`;
  const inner = (
    <>
      <span class="meter-label">
        <span>{name}</span>
        <span class="meter-text">{text}</span>
      </span>
      <span class="track change" aria-hidden="true">
        <span class="fill" data-step={plain ? "plain" : step(after)} style={{ width: width(after) }} />
        <span class="was" style={{ left: `calc(${width(before)} - 1px)` }} />
      </span>
    </>
  );
  if (to === undefined)
    return (
      <div class="meter" data-fact={name}>
        {inner}
      </div>
    );
  return (
    <button class="meter" type="button" data-fact={name} onClick={() => pick(store, to)}>
      {inner}
    </button>
  );
}
