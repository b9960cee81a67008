import type { TrialViewState } from "../data/report-data";

/** Colours are custom properties of the page, so that light and dark need one drawing. */
export const stateColour = (t: { state: TrialViewState; isBest?: boolean }): string =>
  t.isBest ? "var(--best)" : `var(--${t.state})`;

export const shadeColour = (t: { shade: number | null; isBest: boolean }): string =>
  t.isBest ? "var(--best)" : t.shade === null ? "var(--cancelled)" : `var(--q${t.shade})`;

export const statesOf = <T extends { trial: number; state: TrialViewState; isBest: boolean }>(
  rows: readonly T[],
) => new Map(rows.map((row) => [row.trial, row]));
