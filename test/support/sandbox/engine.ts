/** What the conformance suite must know of an engine beside its driver: how things look and happen behind the driver's back. */
import type { SandboxDriver } from "../../../src/sandbox/sandbox.ts";

export interface EngineUnderTest {
  /** The agent's image, as this engine calls it. */
  image: string;
  runtime: string | null;
  /** A driver as a host makes it at its start. Closed, it watches nothing any more, and its containers go on. */
  driver(): SandboxDriver & { close(): void };
  /** Ids of all containers with these labels, ended ones too. */
  all(labels: Record<string, string>): string[];
  /** Removes a container whatever it does, as a person might. */
  remove(id: string): void;
  /** Leaves an ended container behind, as a host does that died. @returns its id */
  leaveEnded(labels: Record<string, string>, name: string): string;
  /** Bytes of a running container's output that the engine keeps. */
  outputKept(id: string): number;
}
