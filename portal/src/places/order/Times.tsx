// When an order holds: from now on, in a window or several, or again and again by a rule and the clocks of a time zone.
import { Choice } from "../../parts/Choice";
import { t } from "../../words/en";
import { DAYS, daysOf, ruleOf, type Draft, type Span } from "./draft";
import { Text, Wrong } from "./Fields";

interface Props {
  name: string;
  draft: Draft;
  set: (change: Partial<Draft>) => void;
  wrong: ReadonlyMap<string, string>;
}

export function Times(props: Props) {
  const { name, draft, set } = props;
  return (
    <div class="times">
      <p class="label" id={`${name}-when`}>
        {t.order.when}
      </p>
      <Choice name={t.order.when} of={t.order.whens} chosen={draft.when} choose={(when) => set({ when })} />
      {draft.when === "window" && <Spans {...props} />}
      {draft.when === "again" && <Again {...props} />}
      {draft.when === "now" && <Wrong id={`${name}-start-wrong`} said={props.wrong.get("start") ?? props.wrong.get("end")} />}
    </div>
  );
}

function Spans({ name, draft, set, wrong }: Props) {
  const many = draft.spans.length > 1;
  const change = (at: number, to: Partial<Span>): void =>
    set({ spans: draft.spans.map((span, number) => (number === at ? { ...span, ...to } : span)) });
  return (
    <>
      {draft.spans.map((span, at) => (
        <div class="span" role="group" aria-label={many ? t.order.span(at + 1) : t.order.when} key={at}>
          {(["start", "end"] as const).map((side) => {
            const field = many ? `windows[${String(at)}].${side}` : side;
            return (
              <Text
                key={side}
                name={name}
                field={field}
                label={t.order[side]}
                kind="datetime-local"
                value={span[side]}
                type={(value) => change(at, { [side]: value })}
                wrong={wrong.get(field)}
              />
            );
          })}
          {many && (
            <button
              class="icon"
              type="button"
              aria-label={t.order.lessSpan(at + 1)}
              onClick={() => set({ spans: draft.spans.filter((_, number) => number !== at) })}
            >
              ✕
            </button>
          )}
        </div>
      ))}
      <div class="deeds">
        <button class="link" type="button" onClick={() => set({ spans: [...draft.spans, after(draft.spans)] })}>
          {t.order.moreSpan}
        </button>
        <span class="hint">{t.order.yourClock}</span>
      </div>
    </>
  );
}

function Again({ name, draft, set, wrong }: Props) {
  const days = daysOf(draft.rule);
  const turn = (day: string): void => {
    const next = new Set(days);
    if (!next.delete(day)) next.add(day);
    set({ rule: ruleOf(next) });
  };
  const text = (field: string, key: "rule" | "zone" | "first" | "hours", label: string, more: object = {}) => (
    <Text name={name} field={field} label={label} value={draft[key]} type={(value) => set({ [key]: value })} wrong={wrong.get(field)} {...more} />
  );
  return (
    <>
      <div class="days" role="group" aria-label={t.order.days}>
        {DAYS.map((day) => (
          <button
            key={day}
            type="button"
            aria-pressed={days?.has(day) ?? false}
            aria-label={t.order.dayNames[day].long}
            disabled={days === null}
            onClick={() => turn(day)}
          >
            {t.order.dayNames[day].short}
          </button>
        ))}
      </div>
      <div class="fields">
        {text("recurrence.start", "first", t.order.first, { kind: "datetime-local" })}
        {text("recurrence.duration_s", "hours", t.order.lasts, { unit: t.order.hours, number: true })}
        {text("recurrence.time_zone", "zone", t.order.zone, { wide: true })}
        {text("recurrence.rule", "rule", t.order.rule, { wide: true })}
      </div>
    </>
  );
}

/** A window of the same length a day after the last, which is what one most likely means. */
function after(spans: readonly Span[]): Span {
  const last = spans.at(-1);
  const next = (text: string): string => {
    const at = new Date(text);
    if (Number.isNaN(at.getTime())) return "";
    at.setDate(at.getDate() + 1);
    const two = (value: number): string => String(value).padStart(2, "0");
    return `${String(at.getFullYear())}-${two(at.getMonth() + 1)}-${two(at.getDate())}T${text.slice(11, 16)}`;
  };
  return { start: next(last?.start ?? ""), end: next(last?.end ?? "") };
}
