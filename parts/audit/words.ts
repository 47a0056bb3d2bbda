/** What a record says, as one line in plain words. Pure. */
import type { AuditRecord } from "../../packages/audit-chain/record.ts";

type Detail = Record<string, unknown>;

const numbers = (value: unknown) => (Array.isArray(value) ? value.join(", ") : "");
const counted = (value: unknown) => `message${Array.isArray(value) && value.length === 1 ? "" : "s"} ${numbers(value)}`;

/** By verb; what is not here is said in general. */
const SAID: Record<string, (record: AuditRecord, detail: Detail) => string> = {
  "message.accept": ({ actor, session }, { number, edited, deleted }) => {
    const did = edited ? `changed message ${edited} with` : deleted ? `took message ${deleted} back with` : "said";
    return `${actor} ${did} message ${number} to ${session ?? "a session"}`;
  },
  "turn.start": ({ turn }, { messages }) => `turn ${turn} began with ${counted(messages)}`,
  "turn.feed": ({ turn }, { messages }) => `turn ${turn} took in ${counted(messages)}`,
  "turn.end": (_record, { turn, status }) => `turn ${turn} ended: ${status}`,
  "turn.interrupt": (_record, { turn, cause, again, failed }) =>
    `turn ${turn} was cut off (${cause}); to be done again: ${again}, given up: ${failed}`,
  "sessions.stop": ({ actor, resource }) => `${actor} asked to stop what runs in ${resource}`,
  "tool.start": (_record, { tool }) => `the agent began the tool ${tool}`,
  "tool.end": (_record, { ok }) => (ok ? "it ended well" : "it failed"),
  "request.begin": ({ actor, resource }, { method, credential }) =>
    `${actor} was let ${method} ${resource}${credential ? ` with the credential ${credential}` : ""}`,
  "draft.send": ({ resource }) => `a draft was shown in ${resource}`,
  "edit.send": ({ resource }) => `a message in ${resource} was changed`,
  "reaction.send": ({ resource }) => `a reaction was sent to ${resource}`,
  "message.send": ({ resource }, { outbox, repeat }) =>
    `message ${outbox} of the outbox was delivered to ${resource}${repeat ? ", marked as repeated" : ""}`,
  "audit.alarm": (_record, { found }) => `the audit log was found to be wrong: ${numbers(found)}`,
};

export function inWords(record: AuditRecord): string {
  const { actor, verb, resource, decision } = record;
  const detail = JSON.parse(record.detail) as Detail;
  const times = typeof detail.times === "number" && detail.times > 1 ? `, ${detail.times} times` : "";
  if (decision === "deny")
    return `${actor} was refused ${verb}${resource ? ` on ${resource}` : ""}: ${detail.why}${times}`;
  const [kind = "", step = ""] = verb.split(".");
  const known = Object.hasOwn(SAID, verb) ? SAID[verb] : undefined;
  if (known) return known(record, detail);
  if (step === "fail") return `${kind} ${detail.outbox} of the outbox was given up (${detail.state})`;
  if (kind === "request" && "status" in detail)
    return `${step.toUpperCase()} ${resource} was answered ${detail.status}${detail.ms === undefined ? "" : ` after ${detail.ms} ms`}`;
  return `${actor} did ${verb}${resource ? ` on ${resource}` : ""}`;
}
