// A share as a bar with its number: what is used of what there is.
import { step } from "../map/ramp";

export function Meter({ name, share, text }: { name: string; share: number; text: string }) {
  return (
    <div class="meter" data-fact={name}>
      <div class="meter-label">
        <span>{name}</span>
        <span class="meter-text">{text}</span>
      </div>
      <span class="track">
        <span class="fill" data-step={step(share)} style={{ width: `${Math.min(100, share * 100).toFixed(1)}%` }} />
      </span>
    </div>
  );
}
