/** What a read of a session's mailbox comes to, and the check of what a reader process says it is. */
import { z } from "zod";
import { checkBodies, type MailboxRead } from "../../protocol/mailbox/read.ts";
import { MAX_ROWS_PER_READ, MAX_STATE_KEYS } from "../../protocol/mailbox/schema.ts";
import type { MailboxPaths } from "../../protocol/mailbox/snapshot.ts";
import { type OutboundBody, outboundBody } from "../../protocol/rows.ts";

export type ReadResult =
  | MailboxRead<OutboundBody>
  /** The reader crashed over this mailbox or took too long: a strike against the session. */
  | { status: "killed"; why: string };

/** Who reads mailboxes: a pool of processes, or what a simulation puts in its place. */
export interface MailboxReaders {
  /** Rows after `after` that the session's runner has committed. Never rejects. */
  read(session: string, paths: MailboxPaths, after: number): Promise<ReadResult>;
}

const number = z.int().min(1);
const why = z.string().max(1000);
const reply = z.discriminatedUnion("status", [
  z.object({
    status: z.literal("ok"),
    rows: z.array(z.object({ n: number, body: z.unknown() })).max(MAX_ROWS_PER_READ),
    refused: z.array(z.object({ n: number, why })).max(MAX_ROWS_PER_READ),
    more: z.boolean(),
    state: z
      .record(z.string(), z.string())
      .refine((state) => Object.keys(state).length <= MAX_STATE_KEYS, "too many state keys"),
    changeCounter: z.int().min(0),
  }),
  z.object({ status: z.literal("busy"), why }),
  z.object({ status: z.literal("absent") }),
  z.object({ status: z.literal("invalid"), why }),
]);

/** Reads a reader's answer as if a stranger had sent it: hostile bytes may have captured that process. @throws when it is not one */
export function parseReply(text: Buffer): ReadResult {
  const answer = reply.parse(JSON.parse(text.toString()));
  return answer.status === "ok" ? { ...answer, ...checkBodies(answer, outboundBody) } : answer;
}
