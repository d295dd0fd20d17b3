// The shape of a kind of site, as the map has it.
import { glyphPath } from "../map/glyphs";

export function Glyph({ kind }: { kind: string }) {
  return (
    <svg viewBox="-8 -8 16 16" aria-hidden="true" data-kind={kind} class="swatch">
      <path class="glyph" d={glyphPath(kind)} />
    </svg>
  );
}
