/** The bot's one reaction on a message. Slack would let it have many. */
import { Rejected } from "../../src/lib/errors.ts";
import { emojiName } from "./emoji.ts";
import { failureOf } from "./failures.ts";
import type { SlackApi } from "./web-api.ts";

/**
 * @param self the bot's own user id
 * @param emoji empty for none
 * @throws SlackFailure, Rejected
 */
export async function setReaction(api: SlackApi, self: string, chat: string, ts: string, emoji: string): Promise<void> {
  const wanted = emoji === "" ? null : emojiName(emoji);
  if (wanted === null && emoji !== "")
    throw new Rejected("Slack's name of this emoji is not known here; give it by name, as in :eyes:");
  const at = { channel: chat, timestamp: ts };
  const { message } = await api.call((client) => client.reactions.get({ ...at, full: true }));
  const given = (message?.reactions ?? []).filter(({ users }) => users?.includes(self));
  const own = given.flatMap(({ name }) => name ?? []);
  if (wanted !== null && !own.includes(wanted)) {
    await api.call((client) => client.reactions.add({ ...at, name: wanted })).catch(unless("already_reacted"));
  }
  for (const name of own) {
    if (name === wanted) continue;
    await api.call((client) => client.reactions.remove({ ...at, name })).catch(unless("no_reaction"));
  }
}

const unless = (code: string) => (error: unknown) => {
  if (failureOf(error).code !== code) throw error;
};
