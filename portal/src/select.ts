// What is selected is the address: every selection is a link that one can send, and Back undoes it.

export const SELECTABLE = ["link", "fibre", "site", "service", "incident"] as const;
export type Kind = (typeof SELECTABLE)[number];

export interface Selection {
  kind: Kind;
  id: string;
}

export function parse(hash: string): Selection | null {
  const match = /^#([a-z]+)=(.+)$/s.exec(hash);
  const kind = SELECTABLE.find((known) => known === match?.[1]);
  if (kind === undefined || match?.[2] === undefined) return null;
  try {
    return { kind, id: decodeURIComponent(match[2]) };
  } catch {
    return null;
  }
}

export function format(selection: Selection): string {
  // A link's id reads `a>b`: leave what a fragment may hold as it is.
  return `#${selection.kind}=${encodeURIComponent(selection.id).replaceAll("%3E", ">").replaceAll("%2F", "/")}`;
}

/** The one-time code that `highroad up` prints, where the address holds one. */
export function code(hash: string): string | null {
  const match = /^#code=(.+)$/.exec(hash);
  if (match?.[1] === undefined) return null;
  try {
    return decodeURIComponent(match[1]);
  } catch {
    return null;
  }
}

export function same(a: Selection | null, b: Selection | null): boolean {
  return a?.kind === b?.kind && a?.id === b?.id;
}
