/** What people write to the host itself, as the way of a message sees it: `/stop`, alone in a message. See parts/commands. */
import type { Actor } from "../access/authorize.ts";
import type { InboundEvent } from "../store/inbox.ts";
import type { Target } from "./route.ts";

export interface Command {
  name: string;
  /** What follows the name. */
  rest: string;
}

export interface Commands {
  /** Null where the text is for the agents. */
  read(text: string): Command | null;
  /**
   * Does it, as part of the open transaction, as far as whoever wrote it may.
   * @param targets the conversations of agents that hear what is written there
   * @returns what is said to them; empty for nothing
   */
  run(command: Command, by: Actor & { kind: "user" }, event: InboundEvent, targets: Target[]): string;
}
