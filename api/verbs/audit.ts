/** The audit log: what was decided and what happened, and whether the record of it is whole. */
import { z } from "zod";
import * as is from "../results.ts";
import { limit, number, verb } from "../verb.ts";

const name = z.string().min(1).max(300);
const moment = z.string().min(2).max(40);

export const auditVerbs = {
  "audit.list": verb({
    summary: "List what was asked for, by whom, what was decided and what happened",
    args: {
      limit,
      after: number.optional().describe("only records above this number"),
      actor: name.optional().describe("only what this one did, such as operator or agent:a-…"),
      verb: name.optional().describe("only this, such as message.accept or turn.end"),
      resource: name.optional().describe("only what was done to this"),
      decision: is.auditDecision.optional().describe("only what was decided so; fact is what just happened"),
      session: name.optional().describe("only what belongs to this session"),
      turn: number.optional().describe("only what belongs to this turn of the session"),
      since: moment.optional().describe("not before, such as 2h, 3d or 2030-05-01T08:30; the list is then by time"),
      until: moment.optional().describe("not after, said in the same way"),
    },
    result: z.array(is.auditRecord),
  }),
  "audit.trace": verb({
    summary: "Show what led to a record and what came of it, from the message to the deliveries",
    args: {
      record: z.int().min(1).describe("its number in `ncl audit list`"),
      limit: limit.default(200),
    },
    positional: ["record"],
    result: is.auditTrace,
  }),
  "audit.follow": verb({
    summary: "Follow the audit log: a line for each new record",
    args: { after: number.optional().describe("begin after the record of this number, instead of now") },
    result: is.auditRecord,
    stream: true,
  }),
  "audit.export": verb({
    summary: "Write the whole audit log with its signed heads, one JSON object a line, for `ncl audit verify --file`",
    result: z.record(z.string(), z.unknown()),
    stream: true,
  }),
  "audit.verify": verb({ summary: "Check that the audit log is whole and as it was signed", result: is.auditVerdict }),
  "audit.key": verb({ summary: "Show the public key that signs the audit log", result: is.auditKey }),
};
