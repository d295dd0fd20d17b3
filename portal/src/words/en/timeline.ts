// The time line.

export const timeline = {
  intro: "What failed and what was drained. Choose a moment, and the map shows what was down then.",
  slider: "Moment",
  now: "Now",
  at: (when: string, loads: boolean) =>
    `As of ${when}: what was down and drained then${loads ? ", and what links carried" : ". What links carried is not known"}.`,
  none: "Nothing has happened yet.",
  open: "open",
  day: "The last day and the next",
} as const;
