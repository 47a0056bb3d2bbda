/**
 * Slack has no keys against sending twice. Each message carries a mark in its place, made of its key, by which it is found
 * again in its chat.
 */
import { createHash } from "node:crypto";
import { Unknown } from "../../src/lib/errors.ts";
import type { Address } from "../../src/store/address.ts";
import type { SlackApi } from "./web-api.ts";

const EVENT = "nanoclaw_message";
/** Pages, and messages in each, that are looked through, the latest first; in a thread the oldest. */
const MOST_PAGES = 10;
const PAGE = 100;

/** It is no secret, but whoever reads it learns nothing from it. */
export const markOf = (key: string) => createHash("sha256").update(key).digest("hex").slice(0, 32);

export const metadataOf = (key: string) => ({ event_type: EVENT, event_payload: { mark: markOf(key) } });

/** Whether what Slack keeps with a message is the mark of this key. */
export function isMarked(metadata: unknown, key: string): boolean {
  const { event_type: type, event_payload: payload } = (metadata ?? {}) as Partial<ReturnType<typeof metadataOf>>;
  return type === EVENT && payload?.mark === markOf(key);
}

/** A message as a chat's history has it. */
interface Past {
  ts?: string;
  user?: string;
  text?: string;
  files?: unknown[];
  edited?: unknown;
  metadata?: unknown;
}

/**
 * The message of the bot's that carries the mark of this key; null where none does.
 * @param self the bot's own user id
 * @throws SlackFailure, or Unknown where it can't be told
 */
export async function findMarked(
  api: SlackApi,
  self: string,
  { chat, thread }: Address,
  key: string,
): Promise<string | null> {
  let unmarked = false;
  let cursor = {};
  for (let page = 0; page < MOST_PAGES; page++) {
    const asked = { channel: chat, limit: PAGE, include_all_metadata: true, ...cursor };
    const answer = await api.call((client) =>
      thread === null ? client.conversations.history(asked) : client.conversations.replies({ ...asked, ts: thread }),
    );
    const own = ((answer.messages ?? []) as Past[]).filter(({ user }) => user === self);
    const found = own.find(({ metadata }) => isMarked(metadata, key));
    if (found?.ts) return found.ts;
    const texts = own.filter(({ text, files, edited }) => text && !files && !edited);
    unmarked ||= texts.length > 0 && texts.every(({ metadata }) => metadata === undefined);
    const next = answer.response_metadata?.next_cursor;
    // Marks that are never shown are not marks that are not there.
    if (!next && unmarked) throw new Unknown("Slack does not show the marks of the bot's messages");
    if (!next) return null;
    cursor = { cursor: next };
  }
  throw new Unknown("too much was said since to look for it");
}
