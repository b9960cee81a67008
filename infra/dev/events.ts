import type { PartName } from "./stack-info";

/** What happens while a stack comes up or goes down, for a caller that shows it. */
export type StackEvent =
  /** Another process changes the same stack right now. */
  | { type: "waiting"; pid: number }
  /** Set-up does something that takes a while: a part of it, and what. */
  | { type: "setup"; step: string; line: string }
  | { type: "starting"; part: PartName }
  /** Its settings or its code changed since it was started. */
  | { type: "restarting"; part: PartName; reason: string }
  | { type: "ready"; part: PartName; seconds: number; address: string | null }
  | { type: "alreadyUp"; part: PartName; address: string | null }
  | { type: "external"; part: PartName; address: string }
  | { type: "preparing"; what: string }
  | { type: "stopping"; part: PartName }
  | { type: "stopped"; part: PartName; how: "asked" | "killed" };

export type OnStackEvent = (event: StackEvent) => void;
