// One shape a kind of site, so that colour is never the only thing that tells them apart.

export const RADIUS: Record<string, number> = { campus: 6.5, cloud: 6, edge: 5.2, enterprise: 5.5, pop: 3.6 };
/** Which kinds matter most where there is room for few names. */
export const IMPORTANCE: Record<string, number> = { campus: 500, cloud: 300, enterprise: 250, edge: 200, pop: 0 };

export function radius(kind: string): number {
  return RADIUS[kind] ?? 4;
}

/** The outline of a kind's shape about its middle. */
export function glyphPath(kind: string, r = radius(kind)): string {
  switch (kind) {
    case "campus": {
      const half = round(r * 0.86);
      return `M${-half},${-half}H${half}V${half}H${-half}Z`;
    }
    case "cloud":
      return `M0,${-r}L${r},0L0,${r}L${-r},0Z`;
    case "edge":
      return `M0,${-r}L${round(r * 0.95)},${round(r * 0.72)}L${round(-r * 0.95)},${round(r * 0.72)}Z`;
    case "enterprise":
      return hexagon(r);
    default:
      return `M${-r},0a${r},${r} 0 1 0 ${2 * r},0a${r},${r} 0 1 0 ${-2 * r},0Z`;
  }
}

function hexagon(r: number): string {
  const corners = Array.from({ length: 6 }, (_, corner) => {
    const angle = (corner * Math.PI) / 3;
    return `${round(r * Math.cos(angle))},${round(r * Math.sin(angle))}`;
  });
  return `M${corners.join("L")}Z`;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
