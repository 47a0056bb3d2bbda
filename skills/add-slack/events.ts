/** What Slack sends, as far as it is of use: parsed, not trusted. What is not named here is dropped. */
import { z } from "zod";

const id = z.string().min(1).max(60);
/** The time of a message, by which Slack names it in its chat. */
export const tsSchema = z.string().regex(/^\d{1,12}\.\d{1,6}$/);
/** Longest text that is taken in, UTF-16 code units: Slack's own limit is 40,000 characters. */
const words = z.string().max(100_000);
const shortWords = z.string().max(3_000).catch("");

const file = z.object({
  id,
  name: shortWords.optional(),
  title: shortWords.optional(),
  mimetype: z.string().max(200).catch("").optional(),
  size: z.int().min(0).catch(0).optional(),
  mode: shortWords.optional(),
  external_url: shortWords.optional(),
  file_access: shortWords.optional(),
});

/** Messages that a person passed on; what apps add to one is left out. */
const attachment = z.object({
  is_share: z.boolean().catch(false).optional(),
  text: words.catch("").optional(),
  author_name: shortWords.optional(),
  from_url: shortWords.optional(),
});

const edited = z.object({ ts: tsSchema });

export const messageSchema = z.object({
  ts: tsSchema,
  thread_ts: tsSchema.optional(),
  subtype: z.string().max(60).optional(),
  user: id.optional(),
  team: id.optional(),
  user_team: id.optional(),
  bot_id: id.nullable().optional(),
  text: words.default(""),
  edited: edited.optional(),
  files: z.array(file).max(1_000).catch([]).optional(),
  attachments: z.array(attachment).max(1_000).catch([]).optional(),
  /** Of the first message of a thread, in a chat's history: when it was last answered. */
  latest_reply: tsSchema.optional().catch(undefined),
});

const place = { channel: id, channel_type: z.string().max(30).optional() };
/** When it happened: no two things in a chat at the same time. */
const event_ts = tsSchema;

/** Something was said in a chat; also what mentions the bot comes so, a second time. */
export const saidSchema = messageSchema.extend(place);

export const changedSchema = z.object({
  ...place,
  event_ts,
  message: messageSchema,
  previous_message: messageSchema.optional().catch(undefined),
});

export const deletedSchema = z.object({
  ...place,
  event_ts,
  deleted_ts: tsSchema,
  previous_message: messageSchema.optional().catch(undefined),
});

/** What the Events API sends for each event. */
export const callbackSchema = z.object({
  type: z.literal("event_callback"),
  team_id: id.optional(),
  authorizations: z
    .array(z.object({ team_id: id.nullable().optional() }))
    .max(20)
    .catch([])
    .optional(),
  event: z.looseObject({ type: z.string().max(100), subtype: z.string().max(100).optional().catch(undefined) }),
});

/** A press of a button. */
export const pressSchema = z.object({
  type: z.literal("block_actions"),
  user: z.object({ id, team_id: id.optional() }),
  team: z.object({ id }).nullable().optional(),
  channel: z.object({ id }),
  message: z.object({ ts: tsSchema, thread_ts: tsSchema.optional() }),
  actions: z
    .array(z.object({ type: z.string().max(60), value: z.string().max(2_000).optional() }))
    .min(1)
    .max(25),
});

/** What a socket sends. */
export const envelopeSchema = z.object({
  type: z.string().max(60),
  envelope_id: z.string().max(200).optional(),
  payload: z.unknown().optional(),
  reason: z.string().max(200).optional(),
  num_connections: z.int().optional().catch(undefined),
});

export type SlackMessage = z.infer<typeof messageSchema>;
export type SlackFile = z.infer<typeof file>;
