import type { Launch } from "./processes/daemon";
import type { PartName } from "./stack-info";

/** Ports of a part by their purpose. */
export type Ports = Readonly<Record<string, number>>;

/** One process of the stack, as data: how to start it, when it counts as up. */
export interface Part {
  name: PartName;
  /** The purposes it needs loopback ports for. */
  portNames: readonly string[];
  /** What must exist before it can start; done before every start, and broken off when the signal aborts. */
  before?(signal?: AbortSignal): Promise<void>;
  launch(ports: Ports): Launch;
  /** Stands for the program's content where the checkout holds it, so that changed code is started anew. */
  code?(): string;
  isHealthy(ports: Ports, pid: number): Promise<boolean>;
  address(ports: Ports): string | null;
  startWithinMs: number;
}
