import type { StackEvent } from "../../infra/dev/events";
import type { Console } from "./console";
import { fit } from "./live/format";
import { LiveRegion } from "./live/region";

/** Shows a stack coming up or going down: lines that change in place on a terminal, a line per event elsewhere. */
export class StackProgress {
  private readonly lines = new Map<string, string>();
  private readonly region: LiveRegion | null;

  constructor(private readonly console: Console) {
    this.region = console.people.isTTY ? new LiveRegion(console.people) : null;
  }

  readonly show = (event: StackEvent): void => {
    const { key, text } = describeEvent(event);
    if (this.lines.get(key) === text) return;
    this.lines.set(key, text);
    if (!this.region) {
      this.console.say(text);
      return;
    }
    const columns = this.console.people.columns ?? 80;
    this.region.draw([...this.lines.values()].map((line) => fit(line, columns)));
  };

  end(): void {
    this.region?.end();
  }
}

/** A line, and what it is about: a later line about the same replaces it. */
export function describeEvent(event: StackEvent): { key: string; text: string } {
  switch (event.type) {
    case "waiting":
      return { key: "waiting", text: `waiting for process ${event.pid}, which changes the same stack` };
    case "setup":
      return { key: `setup ${event.step}`, text: line("…", event.step, event.line) };
    case "preparing":
      return { key: "preparing", text: line("…", "prepare", event.what) };
    case "starting":
      return { key: event.part, text: line("…", event.part, "starting") };
    case "restarting":
      return { key: event.part, text: line("…", event.part, `restarting: ${event.reason}`) };
    case "ready":
      return {
        key: event.part,
        text: line("✓", event.part, `${event.address ?? ""}  ${event.seconds.toFixed(1)} s`),
      };
    case "alreadyUp":
      return { key: event.part, text: line("✓", event.part, `${event.address ?? ""}  was up`) };
    case "external":
      return { key: event.part, text: line("✓", event.part, `${event.address}  runs elsewhere`) };
    case "stopping":
      return { key: event.part, text: line("…", event.part, "stopping") };
    case "stopped":
      return { key: event.part, text: line("✓", event.part, event.how === "asked" ? "stopped" : "killed") };
  }
}

const line = (mark: string, what: string, text: string): string => `${mark} ${what.padEnd(9)} ${text.trim()}`;
