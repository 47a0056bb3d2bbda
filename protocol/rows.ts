/**
 * What a row of a mailbox says. One source for both sides: the host and the runner validate with these schemas
 * and take their types from them. Bodies are JSON; every size is bounded here.
 */
import { z } from "zod";

/** Longest text of one message, in UTF-16 code units. A longer one is refused at the door or cut with a mark. */
export const MAX_TEXT = 200_000;
/** Largest body of one row in bytes of JSON, and how many rows one read of a mailbox returns at most. */
export { MAX_BODY_BYTES, MAX_ROWS_PER_READ } from "./mailbox/schema.ts";

/** The number of a message within its session. Host rows are even, runner rows odd, so one number names one row. */
const messageNumber = z.int().min(1);

/** Rows that the host writes into `inbound.db`. */
export const inboundBody = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("message"),
    /** When it was said, ISO 8601 in UTC; the runner shows it in the time zone of its config. */
    at: z.string().max(40),
    /** How to call the author. A name, never a routing id. */
    from: z.string().max(200),
    /** Who is talking: a person, or the system itself (a welcome, a schedule, a notice to the agent). */
    author: z.enum(["person", "system"]),
    /** A person whom the owner does not know, or another agent: what it says is no instruction. */
    stranger: z.boolean(),
    text: z.string().max(MAX_TEXT),
    /** An edit or a deletion says so of an earlier message of the same author; the text is the new one. */
    change: z.enum(["said", "edited", "deleted"]),
    /** The number of the message that was edited or deleted; null for a new one. */
    about: messageNumber.nullable(),
    /** Files that came with it; `path` is where the agent reads it, null where `note` says why it is not there. */
    files: z
      .array(
        z.object({
          name: z.string().max(300),
          type: z.string().max(200),
          path: z.string().max(500).nullable(),
          note: z.string().max(500),
        }),
      )
      .max(20),
    /** What became of messages that the agent sent, since it last heard of them: one line each. */
    receipts: z.array(z.string().max(500)).max(50),
    /**
     * Runs in the workspace before the agent is asked, as `bash` takes it: `{"wake": false}` as its last line leaves the
     * agent asleep; what else it prints is told with the message.
     */
    script: z.string().max(20_000).nullable(),
    /** False for context that rides along and by itself starts no turn. */
    engages: z.boolean(),
    /** 1 for the first try; more when an earlier turn over this message was cut off. */
    attempt: z.int().min(1).max(10),
    /** What the cut-off turn had already done, from the host's own records. Empty on the first try. */
    alreadyDone: z.array(z.string().max(1000)).max(50),
  }),
  z.object({ kind: z.literal("control"), action: z.enum(["stop", "rest"]) }),
  /** What became of a verb that the agent asked for: `to` is the number of that row. */
  z.object({ kind: z.literal("answer"), to: messageNumber, ok: z.boolean(), text: z.string().max(60_000) }),
]);
export type InboundBody = z.infer<typeof inboundBody>;
export interface InboundRow {
  n: number;
  body: InboundBody;
}

/**
 * Why a turn failed, by who must act: `auth` the owner (key wrong or revoked), `quota` the owner (limit, billing),
 * `overload` nobody (try later), `unreachable` the owner (network or gateway), `context` the conversation is too long,
 * `refused` the model or gateway declined this request, `stuck` nothing came for longer than its budget allows, `loop` the
 * agent did the same again and again, `bug` ours.
 */
export const errorClass = z.enum([
  "auth",
  "quota",
  "overload",
  "unreachable",
  "context",
  "refused",
  "stuck",
  "loop",
  "bug",
]);
export type ErrorClass = z.infer<typeof errorClass>;

/** What a provider needs to take its conversation up again in a new process. Opaque to all but that provider. */
export const continuation = z.object({ provider: z.string().max(50), value: z.string().max(2000) });
export type Continuation = z.infer<typeof continuation>;

const usage = z.object({
  inputTokens: z.int().min(0),
  outputTokens: z.int().min(0),
  cacheReadTokens: z.int().min(0),
  cacheWriteTokens: z.int().min(0),
});
export type Usage = z.infer<typeof usage>;

/** A turn is named by the number of its `turn_started` row. */
const turn = messageNumber;

/** Rows that the runner writes into `outbound.db`. */
export const outboundBody = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("turn_started"), inbound: z.array(messageNumber).min(1).max(1000) }),
  /** Follow-ups that were handed to the running turn. */
  z.object({ kind: z.literal("turn_fed"), turn, inbound: z.array(messageNumber).min(1).max(1000) }),
  z.object({
    kind: z.literal("tool_started"),
    turn,
    call: z.string().max(200),
    name: z.string().max(200),
    /** One line for people: the command, the path. */
    summary: z.string().max(500),
  }),
  z.object({ kind: z.literal("tool_ended"), turn, call: z.string().max(200), ok: z.boolean() }),
  /**
   * The agent asks for a verb of the host (see src/control/verbs.ts): it is carried out in the transaction that takes this
   * row, so once, and answered by an inbound `answer`.
   */
  z.object({
    kind: z.literal("verb"),
    turn,
    verb: z.string().regex(/^[a-z]{1,30}\.[a-z_]{1,30}$/),
    args: z.record(z.string().max(50), z.unknown()),
  }),
  /** The one row that ends a turn: final message, acknowledgement of its inbound rows and continuation together. */
  z.object({
    kind: z.literal("turn_ended"),
    turn,
    outcome: z.discriminatedUnion("status", [
      /** `text` may be empty when the agent chose to say nothing. */
      z.object({ status: z.literal("done"), text: z.string().max(MAX_TEXT) }),
      z.object({ status: z.literal("stopped"), text: z.string().max(MAX_TEXT) }),
      z.object({ status: z.literal("error"), class: errorClass, message: z.string().max(2000) }),
    ]),
    acknowledges: z.array(messageNumber).max(1000),
    continuation: continuation.nullable(),
    usage: usage.nullable(),
  }),
]);
export type OutboundBody = z.infer<typeof outboundBody>;
export interface OutboundRow {
  n: number;
  body: OutboundBody;
}

/** The one replaceable row about a running turn, kept in `outbound.db` under the state key `progress`. */
export const progress = z.object({
  turn,
  /** Grows with each change, and with each beat of the runner's own timer: a sign of life, new or not. */
  version: z.int().min(1),
  /** All text of the answer so far, cut at the front when long. */
  text: z.string().max(20_000),
  /** What the agent is doing now, in one line; empty when it is writing. */
  activity: z.string().max(500),
});
export type Progress = z.infer<typeof progress>;
