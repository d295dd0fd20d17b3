// Series over time, drawn by uPlot in the page's own colours. The library comes with the first chart that is looked at.
import { useEffect, useRef } from "preact/hooks";
import type uPlot from "uplot";
import { t } from "../words/en";
import { clockOf, date } from "../words/figures";

export interface Line {
  name: string;
  /** A custom property of the style sheet. */
  colour: string;
  values: (number | null)[];
  fill?: boolean;
}

interface Props {
  /** What it shows, for who does not see it. */
  said: string;
  /** UTC seconds. */
  times_s: readonly number[];
  lines: readonly Line[];
  /** The unit of the vertical axis. */
  unit: string;
  height?: number;
  /** Steps instead of slopes: what holds until it changes. */
  steps?: boolean;
  most?: number | undefined;
  /** Stretches, in UTC seconds, in which nothing was measured: they are hatched. */
  gaps?: readonly (readonly [number, number])[];
}

const NO_GAPS: readonly (readonly [number, number])[] = [];

export function Chart({ said, times_s, lines, unit, height = 150, steps = false, most, gaps = NO_GAPS }: Props) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const node = place.current;
    if (node === null) return undefined;
    let plot: uPlot | null = null;
    let gone = false;
    const draw = async (): Promise<void> => {
      const [{ default: UPlot }] = await Promise.all([import("uplot"), import("uplot/dist/uPlot.min.css")]);
      if (gone) return;
      const style = getComputedStyle(document.documentElement);
      const colour = (name: string): string => style.getPropertyValue(name).trim();
      const axis = {
        stroke: colour("--muted"),
        grid: { stroke: colour("--line"), width: 1 },
        ticks: { show: false },
        font: "11px Inter, sans-serif",
      };
      const span_s = (times_s.at(-1) ?? 0) - (times_s[0] ?? 0);
      const paths = steps ? UPlot.paths.stepped?.({ align: 1 }) : undefined;
      const options: uPlot.Options = {
        width: node.clientWidth,
        height,
        padding: [8, 6, 0, 0],
        hooks: { drawClear: [(drawn) => hatch(drawn, gaps, colour("--muted"))] },
        legend: { show: true, live: true },
        cursor: { points: { size: 5 }, y: false },
        scales: { x: { time: true }, y: { range: (_, __, high) => [0, Math.max(most ?? 0, high * 1.05, 1e-3)] } },
        axes: [{ ...axis, size: 24, values: (_, splits) => splits.map((at) => clockOf(at * 1000, span_s)) }, { ...axis, size: 44, values: (_, splits) => splits.map((one) => String(+one.toPrecision(4))) }],
        series: [
          { label: t.chart.time, value: (_, at) => (at === null ? "–" : date(at * 1000)) },
          ...lines.map((line) => ({
            label: line.name,
            stroke: colour(line.colour),
            width: 1.6,
            points: { show: false },
            ...(line.fill === true ? { fill: `${colour(line.colour)}33` } : {}),
            ...(paths === undefined ? {} : { paths }),
            value: (_: uPlot, value: number | null) => (value === null ? "–" : `${String(+value.toPrecision(4))} ${unit}`),
          })),
        ],
      };
      plot = new UPlot(options, [[...times_s], ...lines.map((line) => line.values)] as uPlot.AlignedData, node);
    };
    void draw();
    const resize = new ResizeObserver(() => plot?.setSize({ width: node.clientWidth, height }));
    resize.observe(node);
    return () => {
      gone = true;
      resize.disconnect();
      plot?.destroy();
    };
  }, [times_s, lines, height, most, gaps]);
  return <div class="chart" role="img" aria-label={said} ref={place} />;
}

/** Slanted lines over what was not measured: nothing is drawn through it. */
function hatch(plot: uPlot, gaps: readonly (readonly [number, number])[], colour: string): void {
  const { ctx: pen, bbox } = plot;
  pen.save();
  pen.strokeStyle = colour;
  pen.lineWidth = 1;
  pen.globalAlpha = 0.4;
  for (const [from, until] of gaps) {
    const left = Math.max(bbox.left, plot.valToPos(from, "x", true));
    const right = Math.min(bbox.left + bbox.width, plot.valToPos(until, "x", true));
    if (right <= left) continue;
    pen.save();
    pen.beginPath();
    pen.rect(left, bbox.top, right - left, bbox.height);
    pen.clip();
    pen.beginPath();
    for (let x = left - bbox.height; x < right; x += 9) {
      pen.moveTo(x, bbox.top + bbox.height);
      pen.lineTo(x + bbox.height, bbox.top);
    }
    pen.stroke();
    pen.restore();
  }
  pen.restore();
}
