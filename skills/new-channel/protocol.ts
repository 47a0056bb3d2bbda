/** What is said between us and the platform: one JSON object a line, both ways. What comes in is read here and nowhere else. */
import { z } from "zod";
import type { ChannelEvent } from "../../src/channels/channel.ts";

/** The id of this channel, which people's and chats' addresses begin with. */
export const ID = "newchannel";
export const TITLE = "New Channel";

const id = z.string().min(1).max(200);
const name = z.string().max(200);

const message = z.object({
  type: z.literal("message"),
  /** Unique within its chat; the same when it is said again because it was not taken. */
  id,
  chat: id,
  user: id,
  userName: name,
  text: z.string().max(100_000),
  /** Milliseconds since the epoch. */
  at: z.number().int().nonnegative(),
  direct: z.boolean(),
  mentioned: z.boolean(),
});

const answer = z.discriminatedUnion("type", [
  z.object({ type: z.literal("sent"), request: id, id }),
  /** @property after milliseconds */
  z.object({ type: z.literal("slower"), request: id, after: z.number().int().positive() }),
  z.object({ type: z.literal("refused"), request: id, why: z.string().max(1_000) }),
]);

const said = z.discriminatedUnion("type", [
  z.object({ type: z.literal("welcome"), as: name }),
  z.object({ type: z.literal("denied") }),
  message,
  ...answer.options,
]);

export type Message = z.infer<typeof message>;
export type Answer = z.infer<typeof answer>;
export type FromPlatform = z.infer<typeof said>;

/** @property request comes back with the answer */
export type ToPlatform =
  | { type: "hello"; token: string }
  | { type: "taken"; id: string }
  | { type: "send"; request: string; chat: string; text: string };

/** @returns null for what is none of what the platform may say */
export function read(line: string): FromPlatform | null {
  try {
    return said.parse(JSON.parse(line));
  } catch {
    return null;
  }
}

/** A message as the host wants to hear of it. */
export function eventOf({ id: platformId, chat, user, userName, text, at, direct, mentioned }: Message): ChannelEvent {
  return {
    address: { channel: ID, chat, thread: null },
    // A platform with edits has a higher revision for each, and one with deletions says so in `change`.
    ...{ change: "said", platformId, revision: 0 },
    ...{ user: `${ID}:${user}`, userName, text, at },
    // In a direct chat everything is for the agent.
    ...{ direct, mentioned: mentioned || direct, files: [] },
  };
}
