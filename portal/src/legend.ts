// What the colours, widths and shapes mean, with numbers; and the reach of the network in words, beside its rings.
import { h, s, say } from "./dom";
import { glyph } from "./map/glyphs";
import { fibreName } from "./naming";
import { STEPS } from "./ramp";
import type { Store } from "./state";
import { exactPercent, kindTitle, people, scaled, takenOn } from "./words";

const WIDE = 26;

export function legend(store: Store): HTMLElement {
  const kinds = h("ul", { class: "legend-kinds" });
  const node = h("details", { class: "legend" }, h("summary", {}, "Legend"), kinds);
  node.open = window.innerWidth >= 900;
  const roads = h("div", { class: "legend-roads" }, ramp(), states());
  const taken = h("p", { class: "legend-taken", "data-taken": true, hidden: true });
  node.append(taken);
  store.on(["measured"], () => {
    const sample = store.state.sample;
    taken.hidden = sample === null;
    if (sample === null) return;
    const scale = scaled(sample.rate_scale);
    say(taken, `All rates are ${takenOn(sample.fabric, sample.rate_scale)}${scale === "" ? "" : `: ${scale}`}.`);
  });
  store.on(["network"], () => {
    const present = new Set(store.state.atlas?.network.sites.map((site) => site.kind) ?? []);
    const order = ["campus", "cloud", "edge", "enterprise", "pop"].filter((kind) => present.has(kind));
    kinds.replaceChildren(
      ...order.map((kind) =>
        h(
          "li",
          { "data-kind": kind },
          s("svg", { viewBox: "-8 -8 16 16", "aria-hidden": "true", "data-kind": kind, class: "swatch" }, glyph(kind)),
          kindTitle(kind),
        ),
      ),
    );
    if (store.state.who.tenant === null && !roads.isConnected) taken.before(roads);
  });
  return node;
}

/** The steps of load with their bounds, as wide as each other, like the key of a paper map. */
function ramp(): HTMLElement {
  const steps = STEPS.length + 1;
  const bar = s("svg", {
    class: "ramp",
    viewBox: `0 0 ${steps * WIDE} 20`,
    role: "img",
    "aria-label": "Load of a link: idle, then up to 10, 25, 50, 75, 90 and 100 per cent",
  });
  for (let step = 0; step < steps; step += 1) {
    bar.append(s("rect", { "data-step": step, x: step * WIDE, y: 0, width: WIDE - 1.5, height: 7, rx: 1.5 }));
    const text = step === 0 ? "idle" : String(Math.round((STEPS[step - 1] ?? 0) * 100));
    const at = step === 0 ? WIDE / 2 - 1 : (step + 1) * WIDE - 1.5;
    bar.append(s("text", { x: at, y: 18, "text-anchor": step === 0 ? "middle" : "end" }, text));
  }
  return h("div", { class: "legend-ramp" }, h("span", { class: "legend-title" }, "Load, % of capacity; width: capacity"), bar);
}

function states(): HTMLElement {
  const line = (state: string): SVGSVGElement =>
    s(
      "svg",
      { viewBox: "0 0 30 8", class: "sample-line", "aria-hidden": "true" },
      s("g", { class: "link", "data-state": state }, s("path", { class: "road", d: "M1,4H29", "stroke-width": 3 })),
    );
  const busy = s(
    "svg",
    { viewBox: "0 0 30 8", class: "sample-line", "aria-hidden": "true" },
    s("g", { class: "link", "data-step": 3 }, s("path", { class: "road", d: "M1,4H29", "stroke-width": 3.6 })),
    s("path", { class: "flow medium", d: "M1,4H29" }),
  );
  return h(
    "ul",
    { class: "legend-states" },
    h("li", {}, busy, "traffic moving, faster the fuller"),
    h("li", {}, line("down"), "down"),
    h("li", {}, line("drained"), "drained"),
  );
}

/** The switch for reach, and what it found. */
export function reach(store: Store, toggle: (shown: boolean) => void): HTMLElement {
  const words = h("p", { class: "reach-words", "aria-live": "polite", "data-reach": true, hidden: true });
  const share = h("b");
  const rest = h("span");
  words.append(share, rest);
  const box = h("input", { type: "checkbox", role: "switch", onchange: () => toggle(box.checked) });
  store.on(["reach", "network"], () => {
    const found = store.state.reach;
    words.hidden = found === null;
    if (found === null) return;
    if (typeof found === "string") {
      say(share, "");
      say(rest, found === "loading" ? "Measuring…" : "The reach could not be read. Switch it off and on to ask again.");
      return;
    }
    const now = exactPercent(found.share);
    const before = exactPercent(store.state.reachAtFirst ?? found.share);
    say(share, before === now ? now : `${before} → ${now}`);
    const left = found.without.map((fibre) => fibreName(store.state, fibre));
    const without = left.length > 0 ? ` Left out: ${left.join(", ")}.` : "";
    say(
      rest,
      ` of ${people(found.population_total)} people are within ${found.rtt_ms} ms round trip of an edge site.${without}`,
    );
  });
  return h("div", { class: "reach" }, h("label", {}, box, "Within 5 ms RTT of an edge site"), words);
}
