// Cutting a fibre for real, where the network is a lab: asked twice, and then the outage that came of it, as it is measured.
import { useState } from "preact/hooks";
import { ask, Problem } from "../../api/client";
import type { IncidentOut } from "../../api/schema";
import { useStore } from "../../page";
import { saidOf } from "../../parts/asked";
import { Items } from "../../parts/Items";
import { Part } from "../../parts/Part";
import { t } from "../../words/en";
import { darkService } from "../incident/Now";

/** `seen` is told once it is cut: what would be is then what is. */
export function CutIt({ fibre, seen }: { fibre: string; seen: () => void }) {
  const store = useStore();
  const [sure, ask_twice] = useState(false);
  const [busy, work] = useState(false);
  const [trouble, say] = useState("");
  if (store.who.role !== "operator") return null;
  const down = store.faults.down.has(fibre);
  const act = async (): Promise<void> => {
    work(true);
    say("");
    try {
      if (down) await ask("DELETE /v1/lab/cuts/{fibre}", { path: { fibre } });
      else {
        await ask("POST /v1/lab/cuts", { body: { fibre } });
        seen();
      }
    } catch (error) {
      say(error instanceof Problem && error.code === "no-lab" ? t.whatIf.noLab : saidOf(error));
    } finally {
      work(false);
      ask_twice(false);
    }
  };
  const incident = incidentOf(store.incidents, fibre);
  return (
    <Part title={t.whatIf.cutIt}>
      <p class="nothing">{down ? t.whatIf.already : t.whatIf.cutSaid}</p>
      <div class="deeds">
        {down && (
          <button class="second" type="button" disabled={busy} onClick={() => void act()}>
            {t.whatIf.mend}
          </button>
        )}
        {!down && !sure && (
          <button class="second danger" type="button" onClick={() => ask_twice(true)}>
            {t.whatIf.cutIt}
          </button>
        )}
        {!down && sure && (
          <>
            <button class="main danger" type="button" disabled={busy} onClick={() => void act()}>
              {t.whatIf.confirm}
            </button>
            <button class="second" type="button" onClick={() => ask_twice(false)}>
              {t.whatIf.keep}
            </button>
          </>
        )}
      </div>
      <p class="trouble" role="alert">
        {trouble}
      </p>
      {down && incident === undefined && <p class="nothing">{t.whatIf.waiting}</p>}
      {incident !== undefined && (
        <Items
          title={t.whatIf.outages}
          empty={t.incident.noDark}
          of={incident.outages.map((outage) => darkService(store, outage))}
        />
      )}
    </Part>
  );
}

/** The open incident of a fibre, or the newest that it had. */
export function incidentOf(incidents: readonly IncidentOut[], fibre: string): IncidentOut | undefined {
  const its = incidents.filter((incident) => incident.fibres.includes(fibre));
  return its.find((incident) => incident.open) ?? its[0];
}
