/** What we read of Telegram's updates. Whatever else they hold is left aside; what does not fit is no update to us. */
import { z } from "zod";

const id = z.number().int();
const user = z.object({
  id,
  is_bot: z.boolean().default(false),
  first_name: z.string().default(""),
  last_name: z.string().optional(),
});
const chat = z.object({
  id,
  type: z.enum(["private", "group", "supergroup", "channel"]),
  title: z.string().optional(),
});
const entity = z.object({
  type: z.string(),
  offset: z.number().int().nonnegative(),
  length: z.number().int().nonnegative(),
  user: user.optional(),
});
const file = z.object({
  file_id: z.string().min(1),
  file_size: z.number().nonnegative().optional(),
  file_name: z.string().optional(),
  mime_type: z.string().optional(),
});
const place = z.object({ latitude: z.number(), longitude: z.number() });

const message = z.object({
  message_id: id,
  message_thread_id: id.optional(),
  is_topic_message: z.boolean().optional(),
  is_automatic_forward: z.boolean().optional(),
  from: user.optional(),
  sender_chat: chat.optional(),
  author_signature: z.string().optional(),
  chat,
  date: z.number(),
  edit_date: z.number().optional(),
  text: z.string().optional(),
  caption: z.string().optional(),
  entities: z.array(entity).optional(),
  caption_entities: z.array(entity).optional(),
  reply_to_message: z
    .object({
      from: user.optional(),
      text: z.string().optional(),
      caption: z.string().optional(),
      forum_topic_created: z.unknown().optional(),
    })
    .optional(),
  /** The part of it that the person marked. */
  quote: z.object({ text: z.string() }).optional().catch(undefined),
  photo: z.array(file.extend({ width: z.number(), height: z.number() })).optional(),
  document: file.optional(),
  voice: file.optional(),
  audio: file.optional(),
  video: file.optional(),
  video_note: file.optional(),
  animation: file.optional(),
  // Only for a note about it: an unknown shape costs the note, not the message.
  sticker: z.object({ emoji: z.string().optional() }).optional().catch(undefined),
  location: place.extend({ live_period: z.number().optional() }).optional().catch(undefined),
  venue: z.object({ title: z.string(), address: z.string() }).optional().catch(undefined),
  contact: z
    .object({ phone_number: z.string(), first_name: z.string(), last_name: z.string().optional() })
    .optional()
    .catch(undefined),
  poll: z
    .object({ question: z.string(), options: z.array(z.object({ text: z.string() })) })
    .optional()
    .catch(undefined),
  dice: z.object({ emoji: z.string(), value: z.number() }).optional().catch(undefined),
  migrate_to_chat_id: id.optional(),
  migrate_from_chat_id: id.optional(),
});

export const updateSchema = z.object({
  update_id: id,
  /** The further pictures of an album, see albums.ts. */
  message: message.extend({ others: z.array(message).optional() }).optional(),
  edited_message: message.optional(),
  callback_query: z
    .object({
      id: z.string(),
      from: user,
      /** Also of a message that is too old to be shown: its chat is always there. */
      message: message.pick({ chat: true, message_thread_id: true, is_topic_message: true }).optional(),
      data: z.string().optional(),
    })
    .optional(),
});

export type TelegramMessage = z.infer<typeof message> & { others?: z.infer<typeof message>[] | undefined };
export type TelegramUser = z.infer<typeof user>;
export type TelegramFile = z.infer<typeof file>;
/** The kinds of updates that we ask for, and no others. */
export const ALLOWED_UPDATES = ["message", "edited_message", "callback_query"] as const;
