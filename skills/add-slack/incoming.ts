/** What an event or a press of Slack's says, as pure functions: something for the host, or nothing for us and why. */
import { z } from "zod";
import type { ButtonPress, ChannelEvent, IncomingFile } from "../../src/channels/channel.ts";
import type { Address } from "../../src/store/address.ts";
import {
  callbackSchema,
  changedSchema,
  deletedSchema,
  pressSchema,
  type SlackFile,
  type SlackMessage,
  saidSchema,
} from "./events.ts";
import type { BotIdentity } from "./web-api.ts";
import { escaped, mentions, withoutCall } from "./words.ts";

/** An event of which only names are not known yet: whose it is, and of whom its words speak. */
export interface Heard {
  event: Omit<ChannelEvent, "userName" | "text">;
  /** Slack's id of who said it. */
  author: string;
  /** In Slack's own markup. */
  words: string;
}

export type Incoming =
  | { kind: "heard"; heard: Heard }
  | { kind: "ignored"; why: string }
  /** Slack changed, or we read it wrong: worth a look. */
  | { kind: "unreadable"; why: string };

export interface Press extends Omit<ButtonPress, "userName"> {
  /** Slack's id of who pressed. */
  author: string;
}

/** Where something was said. */
export interface Place {
  chat: string;
  /** Nobody but one person and the bot reads it. */
  direct: boolean;
}

type Bot = Pick<BotIdentity, "user" | "team">;

/** What the host takes at most with one message, and what an agent is shown of a message that was passed on, characters. */
const MOST_FILES = 20;
const MOST_SHARED = 4_000;
/** What people say has none of these subtypes but: a file with it, a reply that the chat sees too, and "/me". */
const SAID = new Set([undefined, "file_share", "thread_broadcast", "me_message"]);
/** Slack's own voice in a workspace. */
const SLACKBOT = "USLACKBOT";

const ignored = (why: string): Incoming => ({ kind: "ignored", why });
const unreadable = (error: z.ZodError): Incoming => ({ kind: "unreadable", why: z.prettifyError(error) });

/** Reads what the Events API sends for one event. */
export function readEvent(raw: unknown, bot: Bot): Incoming {
  const callback = callbackSchema.safeParse(raw);
  if (!callback.success) return unreadable(callback.error);
  const { team_id: team, authorizations = [], event } = callback.data;
  const teams = authorizations.flatMap(({ team_id }) => team_id ?? []);
  if (teams.length > 0 ? !teams.includes(bot.team) : team !== undefined && team !== bot.team)
    return ignored("it is for another workspace that has the app");
  if (event.type !== "message" && event.type !== "app_mention") return ignored(`an event of the kind ${event.type}`);
  if (event.type === "message" && event.subtype === "message_changed") return readChange(event, bot);
  if (event.type === "message" && event.subtype === "message_deleted") return readDeletion(event, bot);
  const said = saidSchema.safeParse(event);
  if (!said.success) return unreadable(said.error);
  // The change itself is told as such, with what was there before.
  if (said.data.edited) return ignored("a mention that was put into a message later");
  return readMessage(said.data, placeOf(said.data), bot);
}

function readChange(raw: unknown, bot: Bot): Incoming {
  const { data, error } = changedSchema.safeParse(raw);
  if (!data) return unreadable(error);
  const { message, previous_message: before, event_ts } = data;
  // Of a thread's first message Slack leaves an empty place.
  if (message.subtype === "tombstone") return deletionOf(before, data, message.ts, bot);
  // Slack dates some changes by the second.
  const same = message.edited?.ts === before?.edited?.ts && message.text === before?.text;
  if (!message.edited || same) return ignored("a change by Slack itself");
  return readMessage(message, placeOf(data), bot, event_ts);
}

function readDeletion(raw: unknown, bot: Bot): Incoming {
  const { data, error } = deletedSchema.safeParse(raw);
  return data ? deletionOf(data.previous_message, data, data.deleted_ts, bot) : unreadable(error);
}

function deletionOf(
  before: SlackMessage | undefined,
  of: { channel: string; channel_type?: string | undefined; event_ts: string },
  ts: string,
  bot: Bot,
): Incoming {
  const author = before && authorOf(before, bot);
  if (!before || !author) return ignored("a message of nobody's was deleted");
  const place = placeOf(of);
  return {
    kind: "heard",
    heard: {
      event: {
        address: addressOf(before, place, mentions(before.text, bot.user)),
        change: "deleted",
        platformId: ts,
        revision: revisionOf(of.event_ts),
        user: author.user,
        at: timeOf(of.event_ts),
        mentioned: false,
        direct: place.direct,
        files: [],
      },
      author: author.id,
      words: "",
    },
  };
}

/** @param editedAt when it was changed to what it is now, as Slack dates it; null where it is new */
export function readMessage(message: SlackMessage, place: Place, bot: Bot, editedAt: string | null = null): Incoming {
  if (!SAID.has(message.subtype)) return ignored(`a message of the kind ${message.subtype}`);
  const author = authorOf(message, bot);
  if (!author) return ignored("the agent's own message, or another bot's");
  const { files, notes } = filesOf(message.files ?? []);
  const words = [withoutCall(message.text, bot.user), ...sharedIn(message), ...notes].filter(Boolean).join("\n\n");
  if (words === "" && files.length === 0) return ignored("a message without words");
  const called = mentions(message.text, bot.user);
  return {
    kind: "heard",
    heard: {
      event: {
        address: addressOf(message, place, called),
        change: editedAt === null ? "said" : "edited",
        platformId: message.ts,
        revision: editedAt === null ? 0 : revisionOf(editedAt),
        user: author.user,
        at: timeOf(editedAt ?? message.ts),
        mentioned: called || place.direct,
        direct: place.direct,
        files,
      },
      author: author.id,
      words,
    },
  };
}

/** Reads what Slack sends when somebody presses a button; null where it is none of ours, or no press. */
export function readPress(raw: unknown, bot: Bot): Press | null {
  const { data } = pressSchema.safeParse(raw);
  const value = data?.actions.find(({ type }) => type === "button")?.value;
  if (!data || value === undefined) return null;
  const { user, team, channel, message } = data;
  return {
    address: addressOf(message, { chat: channel.id, direct: true }, false),
    user: userId(user.team_id ?? team?.id ?? bot.team, user.id),
    author: user.id,
    value,
  };
}

/** Slack dates by the microsecond, and no two things in a chat alike: one number, whole and growing. */
const revisionOf = (ts: string): number => {
  const [seconds = "0", fraction = ""] = ts.split(".");
  return Number(seconds) * 1_000_000 + Number(fraction.padEnd(6, "0"));
};

const timeOf = (ts: string): number => Math.floor(revisionOf(ts) / 1_000);

const userId = (team: string, user: string) => `slack:${team}:${user}`;

/** Chats with one person alone have ids of their own kind. */
export const placeOf = ({ channel, channel_type: type }: { channel: string; channel_type?: string | undefined }) => ({
  chat: channel,
  direct: type === undefined ? channel.startsWith("D") : type === "im",
});

/**
 * Where it is answered. A call to the bot in a channel begins a thread, as people expect of it there: the answer stands
 * under it, and what follows in that thread belongs to the same conversation. In a direct chat, and where nobody called
 * it, the chat itself is the place.
 */
function addressOf(
  { ts, thread_ts: thread }: Pick<SlackMessage, "ts" | "thread_ts">,
  place: Place,
  called: boolean,
): Address {
  const { chat, direct } = place;
  const within = thread !== undefined && thread !== ts ? thread : null;
  return { channel: "slack", chat, thread: within ?? (called && !direct ? ts : null) };
}

/** A person; null for programs and for Slack itself. */
function authorOf({ user, user_team, team, bot_id }: SlackMessage, bot: Bot): { id: string; user: string } | null {
  if (!user || bot_id || user === bot.user || user === SLACKBOT) return null;
  return { id: user, user: userId(user_team ?? team ?? bot.team, user) };
}

function filesOf(files: SlackFile[]): { files: IncomingFile[]; notes: string[] } {
  const taken: IncomingFile[] = [];
  const notes: string[] = [];
  for (const { id, name, title, mimetype = "", size, mode = "", external_url, file_access } of files) {
    const called = (title || name || id).replace(/\p{Cc}/gu, " ").trim();
    if (mode === "external" || external_url) {
      notes.push(escaped(`[a file elsewhere: ${called}${external_url ? ` (${external_url})` : ""}]`));
    } else if (mode === "tombstone" || mode === "hidden_by_limit" || file_access === "access_denied") {
      notes.push(escaped(`[a file that can't be had: ${called}]`));
    } else if (taken.length < MOST_FILES) {
      taken.push({ name: nameOf(name || title || id), type: mimetype, size: size || null, ref: id });
    }
  }
  const left = files.length - taken.length - notes.length;
  if (notes.length > MOST_FILES) notes.length = MOST_FILES;
  if (left > 0) notes.push(`[${left} more files came with it, which are not taken: at most ${MOST_FILES} are]`);
  return { files: taken, notes };
}

/** A name, not a path. */
const nameOf = (name: string) =>
  name
    .replace(/[\p{Cc}/\\]/gu, "_")
    .slice(0, 200)
    .toWellFormed();

/** Messages that were passed on with this one. */
function sharedIn({ attachments = [] }: SlackMessage): string[] {
  return attachments
    .filter(({ is_share: shared, text }) => shared && text)
    .slice(0, 10)
    .map(({ author_name: author, text = "" }) => {
      const shown = text.length > MOST_SHARED ? `${text.slice(0, MOST_SHARED).toWellFormed()} …` : text;
      return `(Passed on${author ? `, by ${escaped(author)}` : ""}: "${shown}")`;
    });
}
