// A list of facts: what there is nothing to say of has no line.
import type { ComponentChildren } from "preact";

export type FactLine = readonly [name: string, value: ComponentChildren];

export function Facts({ of }: { of: readonly FactLine[] }) {
  const said = of.filter(([, value]) => value !== null && value !== undefined && value !== false && value !== "");
  if (said.length === 0) return null;
  return (
    <dl>
      {said.map(([name, value]) => (
        <div class="fact" data-fact={name} key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
