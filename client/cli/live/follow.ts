import { setTimeout as delay } from "node:timers/promises";
import type { ExperimentResult } from "../../../workflows/contracts";
import type { Run } from "../../run";
import type { Console } from "../console";
import { newLines } from "./events";
import { blank, look } from "./poll";
import { LiveRegion } from "./region";
import { renderLive } from "./render";
import type { LiveState } from "./state";

const LOOK_EVERY_MS = 1000;
/** The clock goes on between looks, and while one waits for an answer. */
const DRAW_EVERY_MS = 500;

/** Shows a run until it ends: a table drawn in place on a terminal, a line per event elsewhere. */
export async function follow(
  run: Run,
  console: Console,
  { uiUrl, signal }: { uiUrl: string | null; signal: AbortSignal },
): Promise<ExperimentResult> {
  const view = console.people.isTTY ? tableView(console) : lineView(console);
  const followed = run.until(signal);
  const ended = new AbortController();
  let state = blank(run.id, uiUrl);
  const show = async () => {
    const seen = await look(followed, state);
    // A look that the person's own Ctrl-C broke off has seen nothing.
    if (signal.aborted) return;
    state = seen;
    view.show(state);
  };
  const looking = (async () => {
    while (!ended.signal.aborted) {
      await show();
      await delay(LOOK_EVERY_MS, undefined, { signal: ended.signal }).catch(() => {});
    }
  })();
  const drawing = setInterval(() => view.tick({ ...state, now: Date.now() }), DRAW_EVERY_MS);
  try {
    // That looking ends says nothing, the result does; that it fails says that there is no such run.
    return await Promise.race([followed.result(), looking.then(() => new Promise<never>(() => {}))]);
  } finally {
    ended.abort();
    clearInterval(drawing);
    // Nothing may be under way when the connection is closed. The last look shows how it ended.
    await looking.then(show).catch(() => {});
    view.end();
  }
}

interface View {
  /** Something new is known. */
  show(state: LiveState): void;
  /** Time has passed. */
  tick(state: LiveState): void;
  end(): void;
}

function tableView(console: Console): View {
  const { people, paint } = console;
  const region = new LiveRegion(people);
  const draw = (state: LiveState) =>
    region.draw(renderLive(state, { columns: people.columns ?? 80, rows: people.rows ?? 24, paint }));
  return { show: draw, tick: draw, end: () => region.end() };
}

function lineView(console: Console): View {
  let before: LiveState | null = null;
  return {
    show: (state) => {
      console.say(...newLines(before, state));
      before = state;
    },
    tick: () => {},
    end: () => {},
  };
}
