// Traffic in motion: one path for all links of a pace, three in all, whose dashes the style sheet moves. Hundreds of
// moving paths would keep a processor busy; three do not.
import { put, s } from "../dom";

const PACES = ["slow", "medium", "fast"] as const;

export class Flows {
  readonly node = s("g", { class: "flows", "aria-hidden": "true" });
  private readonly lines = PACES.map((pace) => s("path", { class: `flow ${pace}` }));

  constructor() {
    this.node.append(...this.lines);
  }

  /** Draws all roads anew, each with the pace of its traffic. */
  draw(roads: Iterable<{ pace: string; d: string }>): void {
    const joined = PACES.map((): string[] => []);
    for (const { pace, d } of roads) joined[PACES.findIndex((known) => known === pace)]?.push(d);
    for (const [number, line] of this.lines.entries()) put(line, "d", joined[number]?.join("") ?? "");
  }
}
