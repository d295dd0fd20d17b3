// The fields of an order, and of a change of one; what is wrong with one is said beside it.
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Pick, type Option } from "../../parts/Pick";
import { t } from "../../words/en";
import { MORE, type Draft } from "./draft";
import { Times } from "./Times";

export const CLASSES = ["interactive", "assured", "bulk", "scavenger"] as const;

interface Props {
  /** Apart from those of another form on the page. */
  name: string;
  draft: Draft;
  write: (change: (was: Draft) => Draft) => void;
  wrong: ReadonlyMap<string, string>;
  ends: readonly Option[];
  /** Of a service that there is: what cannot be changed is not asked. */
  fixed?: boolean;
}

export function Fields({ name, draft, write, wrong, ends, fixed = false }: Props) {
  const set = (change: Partial<Draft>): void => write((was) => ({ ...was, ...change }));
  const [open, show] = useState(false);
  const hidden = [...wrong.keys()].some((field) => MORE.has(field));
  useEffect(() => {
    if (hidden) show(true);
  }, [hidden]);
  const text = (field: string, key: TextKey, label: string, more: Omit<TextProps, "field" | "label" | "value" | "type" | "name"> = {}) => (
    <Text
      field={field}
      name={name}
      label={label}
      value={draft[key]}
      type={(value) => set({ [key]: value })}
      {...more}
      wrong={wrong.get(field)}
    />
  );
  const choice = (field: "from" | "to", label: string) => (
    <Labelled id={`${name}-${field}`} label={label} wrong={wrong.get(field)} wide>
      {(describedby) => (
        <Pick
          id={`${name}-${field}`}
          of={ends}
          value={draft[field]}
          choose={(value) => set({ [field]: value })}
          placeholder={t.order.endHint}
          invalid={wrong.has(field)}
          describedby={describedby}
        />
      )}
    </Labelled>
  );
  return (
    <>
      <div class="ends">
        {choice("from", t.order.from)}
        {choice("to", t.order.to)}
        <button
          class="icon swap"
          type="button"
          aria-label={t.order.swap}
          title={t.order.swap}
          onClick={() =>
            write((was) => ({
              ...was,
              from: was.to,
              to: was.from,
              from_vlan: was.to_vlan,
              to_vlan: was.from_vlan,
              from_prefixes: was.to_prefixes,
              to_prefixes: was.from_prefixes,
            }))
          }
        >
          ⇅
        </button>
      </div>
      <div class="fields">
        {text("bandwidth_gbps", "rate", t.order.rate, { unit: t.order.gbps, number: true })}
        {text("burst_gbps", "burst", t.order.burst, { unit: t.order.gbps, number: true, placeholder: t.order.none })}
        {text("latency_bound_ms", "latency", t.order.latency, { unit: t.order.msOneWay, number: true, placeholder: t.order.any })}
        <Labelled id={`${name}-class`} label={t.order.class} wrong={wrong.get("traffic_class")}>
          {(describedby) => (
            <select
              id={`${name}-class`}
              aria-describedby={describedby}
              value={draft.traffic_class}
              onChange={(event) => set({ traffic_class: event.currentTarget.value })}
            >
              {CLASSES.map((one) => (
                <option key={one} value={one} title={t.order.classes[one]}>
                  {one}
                </option>
              ))}
            </select>
          )}
        </Labelled>
        {text("fence", "fence", t.order.fence, { placeholder: t.order.fenceHint, wide: true })}
      </div>
      <div data-wrong={wrong.has("protection")}>
        <label class="tick">
          <input
            type="checkbox"
            checked={draft.protected}
            aria-describedby={wrong.has("protection") ? `${name}-protection-wrong` : undefined}
            onChange={(event) => set({ protected: event.currentTarget.checked })}
          />
          {t.order.path}
        </label>
        <Wrong id={`${name}-protection-wrong`} said={wrong.get("protection")} />
      </div>
      <Times name={name} draft={draft} set={set} wrong={wrong} />
      <details class="more" open={open} onToggle={(event) => show(event.currentTarget.open)}>
        <summary>{t.order.more}</summary>
        <div class="fields">
          {!fixed && (
            <Labelled id={`${name}-kind`} label={t.order.kind} wrong={wrong.get("kind")}>
              {(describedby) => (
                <select id={`${name}-kind`} aria-describedby={describedby} value={draft.kind} onChange={(event) => set({ kind: event.currentTarget.value })}>
                  <option value="ip">IP</option>
                  <option value="ethernet">Ethernet</option>
                </select>
              )}
            </Labelled>
          )}
          {text("max_paths", "paths", t.order.paths, { number: true, placeholder: t.order.pathsHint })}
          {text("autoscale.floor_gbps", "floor", t.order.floor, { unit: t.order.gbps, number: true, placeholder: t.order.off })}
          {text("autoscale.ceiling_gbps", "ceiling", t.order.ceiling, { unit: t.order.gbps, number: true, placeholder: t.order.off })}
          {text("from.vlan", "from_vlan", t.order.vlanFrom, { number: true, placeholder: t.order.free })}
          {text("to.vlan", "to_vlan", t.order.vlanTo, { number: true, placeholder: t.order.free })}
          {text("from.prefixes", "from_prefixes", t.order.prefixesFrom, { placeholder: "10.1.0.0/16" })}
          {text("to.prefixes", "to_prefixes", t.order.prefixesTo, { placeholder: "10.2.0.0/16" })}
          {text("description", "description", t.order.description, { wide: true })}
        </div>
      </details>
      <Wrong id={`${name}-wrong`} said={wrong.get("")} />
    </>
  );
}

type TextKey = Exclude<keyof Draft, "protected" | "spans" | "when">;

interface TextProps {
  name: string;
  field: string;
  label: string;
  value: string;
  type: (value: string) => void;
  unit?: string;
  number?: boolean;
  placeholder?: string;
  wide?: boolean;
  kind?: "text" | "datetime-local";
  wrong?: string | undefined;
}

export function Text({ name, field, label, value, type, unit, number = false, placeholder, wide = false, kind = "text", wrong }: TextProps) {
  const id = `${name}-${field.replace(/\W+/g, "-")}`;
  const common = (describedby: string | undefined) => ({
    id,
    autocomplete: "off",
    spellcheck: false,
    "aria-invalid": wrong !== undefined,
    "aria-describedby": describedby,
    value,
    onInput: (event: { currentTarget: HTMLInputElement }) => type(event.currentTarget.value),
  });
  return (
    <Labelled id={id} label={label} unit={unit} wrong={wrong} wide={wide}>
      {(describedby) =>
        kind === "text" ? (
          <input type="text" inputMode={number ? "decimal" : undefined} placeholder={placeholder} {...common(describedby)} />
        ) : (
          <input type="datetime-local" {...common(describedby)} />
        )
      }
    </Labelled>
  );
}

interface LabelledProps {
  id: string;
  label: string;
  unit?: string | undefined;
  wrong?: string | undefined;
  wide?: boolean;
  children: (describedby: string | undefined) => ComponentChildren;
}

export function Labelled({ id, label, unit, wrong, wide = false, children }: LabelledProps) {
  const described = [unit === undefined ? null : `${id}-unit`, wrong === undefined ? null : `${id}-wrong`].filter(Boolean).join(" ");
  return (
    <div class={`field ${wide ? "wide" : ""}`} data-wrong={wrong !== undefined}>
      <label for={id}>{label}</label>
      <span class="input">
        {children(described === "" ? undefined : described)}
        {unit !== undefined && (
          <span class="unit" id={`${id}-unit`}>
            {unit}
          </span>
        )}
      </span>
      <Wrong id={`${id}-wrong`} said={wrong} />
    </div>
  );
}

export function Wrong({ id, said }: { id: string; said: string | undefined }) {
  return said === undefined ? null : (
    <p class="trouble" id={id}>
      {said}
    </p>
  );
}

/** Goes to the first field that something is wrong with, once it is on the page. */
export function useFirstWrong(wrong: ReadonlyMap<string, string>) {
  const form = useRef<HTMLFormElement>(null);
  const asked = useRef(false);
  const find = (): void => {
    asked.current = false;
    // The fields that a finding opens are drawn first.
    requestAnimationFrame(() =>
      requestAnimationFrame(() =>
        form.current?.querySelector<HTMLElement>("[data-wrong=true] :is(input, select)")?.focus(),
      ),
    );
  };
  useEffect(() => {
    if (asked.current && wrong.size > 0) find();
  }, [wrong]);
  const seek = (): void => {
    asked.current = true;
    if (wrong.size > 0) find();
  };
  return { form, seek };
}
