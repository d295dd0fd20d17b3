// Draining a link is draining a fibre that it runs over: each of them is offered.
import { useStore } from "../../page";
import { Part } from "../../parts/Part";
import { fibreName } from "../../state/naming";
import { Drain } from "../shared/Drain";

export function DrainIt({ id }: { id: string }) {
  const store = useStore();
  const fibres = [...new Set(store.atlas?.link.get(id)?.fibres ?? [])];
  const [only] = fibres;
  if (only !== undefined && fibres.length === 1) return <Drain id={only} />;
  return (
    <>
      {fibres.map((fibre) => (
        <Part key={fibre} title={fibreName(store, fibre)}>
          <Drain id={fibre} />
        </Part>
      ))}
    </>
  );
}
