// A few ways of looking, of which one is chosen: radio buttons that look like one switch.
interface Props<T extends string> {
  name: string;
  of: Readonly<Record<T, string>>;
  chosen: T;
  choose: (one: T) => void;
}

export function Choice<T extends string>({ name, of, chosen, choose }: Props<T>) {
  return (
    <fieldset class="choice">
      <legend class="unseen">{name}</legend>
      {(Object.keys(of) as T[]).map((one) => (
        <label key={one}>
          <input type="radio" name={name} value={one} checked={one === chosen} onChange={() => choose(one)} />
          <span>{of[one]}</span>
        </label>
      ))}
    </fieldset>
  );
}
