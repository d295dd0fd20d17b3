// One of many, by typing: what matches is listed below, arrows choose, Enter takes. What is typed and is none of them stays
// as it was typed.
import { useRef, useState } from "preact/hooks";

export interface Option {
  value: string;
  title: string;
  note: string;
}

interface Props {
  id: string;
  of: readonly Option[];
  value: string;
  choose: (value: string) => void;
  placeholder: string;
  invalid: boolean;
  describedby: string | undefined;
}

/** More than this nobody reads; typing finds the rest. */
const MOST = 60;

export function Pick({ id, of, value, choose, placeholder, invalid, describedby }: Props) {
  const [open, show] = useState(false);
  const [at, move] = useState(0);
  const [typed, type] = useState<string | null>(null);
  const field = useRef<HTMLInputElement>(null);
  const chosen = of.find((option) => option.value === value);
  const text = typed ?? chosen?.title ?? value;
  const found = open ? matching(of, typed ?? "").slice(0, MOST) : [];
  const now = Math.min(at, found.length - 1);
  const take = (option: Option): void => {
    type(null);
    show(false);
    choose(option.value);
  };
  const close = (): void => {
    show(false);
    type(null);
  };
  const step = (to: number): void => {
    move(to);
    document.getElementById(`${id}-${String(to)}`)?.scrollIntoView({ block: "nearest" });
  };
  const press = (event: KeyboardEvent): void => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (!open) {
        show(true);
        move(Math.max(0, of.findIndex((option) => option.value === value)));
      }
      else step(Math.max(0, Math.min(found.length - 1, now + (event.key === "ArrowDown" ? 1 : -1))));
    } else if (event.key === "Enter" && open) {
      event.preventDefault();
      const option = found[now];
      if (option !== undefined) take(option);
    } else if (event.key === "Escape" && open) {
      event.stopPropagation();
      close();
    }
  };
  return (
    <div class="pick">
      <input
        id={id}
        ref={field}
        type="text"
        role="combobox"
        autocomplete="off"
        spellcheck={false}
        placeholder={placeholder}
        aria-autocomplete="list"
        aria-expanded={open}
        aria-controls={`${id}-list`}
        aria-activedescendant={open && found.length > 0 ? `${id}-${String(now)}` : undefined}
        aria-invalid={invalid}
        aria-describedby={describedby}
        value={text}
        onFocus={() => field.current?.select()}
        onClick={() => {
          show(true);
          move(Math.max(0, of.findIndex((option) => option.value === value)));
        }}
        onInput={(event) => {
          const said = event.currentTarget.value;
          type(said);
          move(0);
          show(true);
          choose(exact(of, said)?.value ?? said);
        }}
        onKeyDown={press}
        onBlur={close}
      />
      <ul class="pick-list" id={`${id}-list`} role="listbox" aria-label={placeholder} hidden={found.length === 0}>
        {found.map((option, number) => (
          <li
            key={option.value}
            id={`${id}-${String(number)}`}
            role="option"
            aria-selected={number === now}
            // Before the field loses the focus, and with it the list.
            onMouseDown={(event) => {
              event.preventDefault();
              take(option);
            }}
          >
            <span>{option.title}</span>
            <span class="item-note">{option.note}</span>
          </li>
        ))}
      </ul>
    </div>
  );
}

/** Those in which every word is found; those that begin with it first. */
export function matching(of: readonly Option[], text: string): Option[] {
  const said = text.trim().toLowerCase();
  if (said === "") return [...of];
  const words = said.split(/\s+/);
  return of
    .filter(({ title, value }) => words.every((word) => `${title} ${value}`.toLowerCase().includes(word)))
    .sort((a, b) => Number(b.title.toLowerCase().startsWith(said)) - Number(a.title.toLowerCase().startsWith(said)));
}

function exact(of: readonly Option[], text: string): Option | undefined {
  const said = text.trim().toLowerCase();
  return of.find(({ title, value }) => title.toLowerCase() === said || value.toLowerCase() === said);
}
