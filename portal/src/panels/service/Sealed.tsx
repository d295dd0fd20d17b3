// The signed chain of a service: by which key, until when, and as a file that `highroad proof verify` reads.
import { useState } from "preact/hooks";
import { ask } from "../../api/client";
import type { ProofEntryOut } from "../../api/schema";
import { Answer } from "../../parts/Answer";
import { saidOf, useAsked } from "../../parts/asked";
import { Facts } from "../../parts/Facts";
import { Part } from "../../parts/Part";
import { t } from "../../words/en";
import { date } from "../../words/figures";

const FORMAT = "highroad-proof/1";
const EVERY_MS = 15_000;
/** As many entries at once as the API gives. */
const PAGE = 200;

/** Every entry, page after page. Raises Problem. */
async function chain(id: string, signal?: AbortSignal): Promise<ProofEntryOut[]> {
  const entries: ProofEntryOut[] = [];
  let cursor: string | null = null;
  do {
    const query: { limit: number; cursor?: string } = cursor === null ? { limit: PAGE } : { limit: PAGE, cursor };
    const page = await ask("GET /v1/proofs/services/{service_id}", {
      path: { service_id: id },
      query,
      ...(signal === undefined ? {} : { signal }),
    });
    entries.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor !== null);
  return entries;
}

/** The file as `highroad proof export` writes it. */
export function proofFile(entries: readonly ProofEntryOut[]): string {
  return `${JSON.stringify({ format: FORMAT, entries }, null, 1)}\n`;
}

export function Sealed({ id }: { id: string }) {
  const [busy, work] = useState(false);
  const [said, say] = useState("");
  const [trouble, complain] = useState("");
  const asked = useAsked(
    id,
    async (signal) => {
      const [key, entries] = await Promise.all([ask("GET /v1/proofs/key", { signal }), chain(id, signal)]);
      return { key, entries };
    },
    EVERY_MS,
  );
  const save = async (): Promise<void> => {
    work(true);
    complain("");
    try {
      const name = `${id}.proof`;
      const address = URL.createObjectURL(new Blob([proofFile(await chain(id))], { type: "application/json" }));
      const link = document.createElement("a");
      link.href = address;
      link.download = name;
      link.click();
      setTimeout(() => URL.revokeObjectURL(address), 10_000);
      say(t.prove.exported(name));
    } catch (error) {
      complain(saidOf(error));
    }
    work(false);
  };
  return (
    <Part title={t.prove.sealed}>
      <Answer of={asked}>
        {({ key, entries }) => {
          const [first, last] = [entries[0], entries.at(-1)];
          return (
            <>
              <Facts
                of={[
                  [t.prove.key, <span key="key" class="fingerprint">{`${key.algorithm} ${key.fingerprint}`}</span>],
                  [
                    t.prove.entries(entries.length),
                    first === undefined || last === undefined
                      ? null
                      : t.prove.sealedUntil(date(first.from_s * 1000), date(last.until_s * 1000)),
                  ],
                ]}
              />
              {entries.length === 0 ? (
                <p class="nothing">{t.prove.noEntries}</p>
              ) : (
                <>
                  <p class="said">{t.prove.seal}</p>
                  <div class="deeds">
                    <button class="second" type="button" disabled={busy} onClick={() => void save()}>
                      {t.prove.export}
                    </button>
                    <span role="status">{said}</span>
                  </div>
                </>
              )}
            </>
          );
        }}
      </Answer>
      <p class="trouble" role="alert">
        {trouble}
      </p>
    </Part>
  );
}
