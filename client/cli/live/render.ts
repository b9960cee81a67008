import { type RunStatus, StageName, type TrialState } from "../../../workflows/contracts";
import { fit, formatDuration, formatNumber, formatParams, oneLine, type Paint, plain } from "./format";
import { elapsed, type LiveState } from "./state";
import { trialTable } from "./table";

export interface Viewport {
  columns: number;
  rows: number;
  paint?: Paint;
}

/** The live view as lines, none wider than the terminal and never more of them than it has. */
export function renderLive(state: LiveState, { columns, rows, paint = plain }: Viewport): string[] {
  const { status } = state;
  const top = [headline(state, paint)];
  if (state.uiUrl) top.push(paint("dim", state.uiUrl));
  const bottom: string[] = [];
  if (state.trouble) bottom.push(paint("yellow", `! ${oneLine(state.trouble)}`));
  if (!status) {
    top.push("waiting for a kernel worker to take the run …");
  } else {
    top.push(stageLine(status, paint));
    // How many trials there will be is known once the experiment is resolved.
    if (status.numTrials > 0) top.push(countsLine(state, status, paint));
    if (state.underWay) bottom.push(paint("cyan", `▸ ${oneLine(state.underWay)}`));
    bottom.push(bestLine(status, paint));
  }
  // The last row stays free, so that the terminal never scrolls.
  const height = Math.max(1, rows - 1);
  const room = height - top.length - bottom.length;
  const table = status ? trialTable(state, status, room, paint) : [];
  return [...top, ...table, ...bottom].slice(-height).map((line) => fit(line, Math.max(2, columns)));
}

function headline(state: LiveState, paint: Paint): string {
  const parts = [paint("bold", state.run)];
  if (state.status) parts.push(state.status.state, formatDuration(elapsed(state, state.status)));
  return parts.join("  ");
}

/** Every stage in order, so that one sees what is done and what is to come. */
function stageLine({ stage, state }: RunStatus, paint: Paint): string {
  const current = StageName.options.indexOf(stage);
  return StageName.options
    .map((name, i) => {
      if (i < current || state === "completed") return paint("green", `✓ ${name}`);
      if (i === current) return paint("cyan", `▸ ${name}`);
      return paint("dim", `· ${name}`);
    })
    .join("  ");
}

const SHOWN_EVEN_IF_NONE: ReadonlySet<string> = new Set(["running", "completed"]);

function countsLine(
  { trials, queued }: LiveState,
  { counts, numTrials, gpuSeconds }: RunStatus,
  paint: Paint,
): string {
  const known = Object.values(counts).reduce((sum, n) => sum + n, 0);
  const inState = (wanted: TrialState) => trials.filter(({ state }) => state === wanted).length;
  const aside = { paused: inState("paused"), waiting: inState("waiting"), queued: queued.size };
  // To the search all of these are running; to a person, only those that are on an engine.
  const running = Math.max(0, counts.running - aside.paused - aside.waiting - aside.queued);
  const shown = { ...aside, ...counts, running };
  const parts = (Object.keys(shown) as (keyof typeof shown)[])
    .filter((name) => shown[name] > 0 || SHOWN_EVEN_IF_NONE.has(name))
    .map((name) => `${shown[name]} ${name}`);
  const training = gpuSeconds > 0 ? paint("dim", `   training ${formatDuration(gpuSeconds * 1000)}`) : "";
  const begun = Math.max(known - counts.pending, 0);
  // Whatever goes beyond the trials that were asked for reruns one of them with another seed.
  const reruns = begun > numTrials ? ` + ${begun - numTrials} reruns` : "";
  return `Trials ${Math.min(begun, numTrials)}/${numTrials}${reruns}: ${parts.join(" | ")}${training}`;
}

function bestLine({ best, metric }: RunStatus, paint: Paint): string {
  if (!best) return paint("dim", "Best so far: none yet");
  const { trial, value, params } = best;
  return paint(
    "green",
    `Best so far: trial ${trial}  ${metric} ${formatNumber(value)}  ${oneLine(formatParams(params))}`,
  );
}
