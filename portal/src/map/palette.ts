// The style sheet's colours, for who draws on a canvas: read once a theme.
export interface Palette {
  load: string[];
  band: string[];
  bandEdge: string;
  down: string;
  drained: string;
  land: string;
  coast: string;
  border: string;
  water: string;
  ring: string;
  ringEdge: string;
  ringOpacity: number;
  flow: string;
  halo: string;
  there: string;
  back: string;
  accent: string;
  warn: string;
  text: string;
  soft: string;
  muted: string;
  glow: string;
  sheet: string;
  kind: Record<string, string>;
}

export const FONT = "Inter, system-ui, sans-serif";

export function palette(): Palette {
  const style = getComputedStyle(document.documentElement);
  const of = (name: string): string => style.getPropertyValue(`--${name}`).trim();
  return {
    load: Array.from({ length: 7 }, (_, step) => of(`load-${String(step)}`)),
    band: [1, 2, 3, 4].map((band) => of(`band-${String(band)}`)),
    bandEdge: of("band-edge"),
    down: of("down"),
    drained: of("drained"),
    land: of("land"),
    coast: of("coast"),
    border: of("border"),
    water: of("water"),
    ring: of("ring"),
    ringEdge: of("ring-edge"),
    ringOpacity: Number(of("ring-opacity")),
    flow: of("flow"),
    halo: of("halo"),
    there: of("there"),
    back: of("back"),
    accent: of("accent"),
    warn: of("warn"),
    text: of("text"),
    soft: of("soft"),
    muted: of("muted"),
    glow: of("glow"),
    sheet: of("sheet"),
    kind: Object.fromEntries(["campus", "cloud", "edge", "enterprise", "pop"].map((kind) => [kind, of(kind)])),
  };
}
