// One shape a kind of site, so that colour is never the only thing that tells them apart.
import { s } from "../dom";

export const RADIUS: Record<string, number> = { campus: 6.5, cloud: 6, edge: 5.2, enterprise: 5.5, pop: 3.6 };
/** Which kinds matter most where there is room for few names. */
export const IMPORTANCE: Record<string, number> = { campus: 500, cloud: 300, enterprise: 250, edge: 200, pop: 0 };

export function radius(kind: string): number {
  return RADIUS[kind] ?? 4;
}

export function glyph(kind: string, size = radius(kind)): SVGElement {
  const r = size;
  switch (kind) {
    case "campus":
      return s("rect", { class: "glyph", x: -r * 0.86, y: -r * 0.86, width: r * 1.72, height: r * 1.72, rx: 1.5 });
    case "cloud":
      return s("path", { class: "glyph", d: `M0,${-r}L${r},0L0,${r}L${-r},0Z` });
    case "edge":
      return s("path", { class: "glyph", d: `M0,${-r}L${r * 0.95},${r * 0.72}L${-r * 0.95},${r * 0.72}Z` });
    case "enterprise":
      return s("path", { class: "glyph", d: hexagon(r) });
    default:
      return s("circle", { class: "glyph", r });
  }
}

function hexagon(r: number): string {
  const corners = Array.from({ length: 6 }, (_, corner) => {
    const angle = (corner * Math.PI) / 3;
    return `${(r * Math.cos(angle)).toFixed(2)},${(r * Math.sin(angle)).toFixed(2)}`;
  });
  return `M${corners.join("L")}Z`;
}
