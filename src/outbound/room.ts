/** How much text one message holds. */
import { SHORTEST_LIMIT } from "../../packages/split-text/index.ts";
import type { Channel } from "../channels/channel.ts";

/** Marks a message that may have arrived before: its answer was lost, or the host died while sending it. */
export const REPEATED = "(Repeated: I can't tell whether this arrived before.)\n\n";

/** Longest text of one message: there is room left for the mark that it may get when it is repeated. */
export const roomIn = ({ capabilities }: Pick<Channel, "capabilities">) =>
  Math.max(capabilities.maxLength - REPEATED.length, SHORTEST_LIMIT);
