/**
 * Every verb of NanoClaw, declared once: the CLI, the HTTP API and the docs are generated from this table.
 * Declarations only. A verb `a.b` is `POST /v1/verbs/a.b` and `ncl a b`; its effect is in src/control, or in a part.
 */
import type { z } from "zod";
import { approvalVerbs } from "./verbs/approvals.ts";
import { auditVerbs } from "./verbs/audit.ts";
import { careVerbs } from "./verbs/care.ts";
import { channelVerbs } from "./verbs/channels.ts";
import { chatVerbs } from "./verbs/chats.ts";
import { credentialVerbs } from "./verbs/credentials.ts";
import { groupVerbs } from "./verbs/groups.ts";
import { guardVerbs } from "./verbs/guard.ts";
import { messageVerbs } from "./verbs/messages.ts";
import { mountVerbs } from "./verbs/mounts.ts";
import { packageVerbs } from "./verbs/packages.ts";
import { peopleVerbs } from "./verbs/people.ts";
import { quotaVerbs } from "./verbs/quota.ts";
import { roomVerbs } from "./verbs/rooms.ts";
import { ruleVerbs } from "./verbs/rules.ts";
import { sandboxVerbs } from "./verbs/sandbox.ts";
import { sessionVerbs } from "./verbs/sessions.ts";
import { taskVerbs } from "./verbs/tasks.ts";
import { usageVerbs } from "./verbs/usage.ts";

export type { Role, Verb } from "./verb.ts";

export const verbs = {
  ...careVerbs,
  ...auditVerbs,
  ...credentialVerbs,
  ...chatVerbs,
  ...groupVerbs,
  ...channelVerbs,
  ...messageVerbs,
  ...mountVerbs,
  ...packageVerbs,
  ...sandboxVerbs,
  ...quotaVerbs,
  ...sessionVerbs,
  ...peopleVerbs,
  ...taskVerbs,
  ...usageVerbs,
  ...guardVerbs,
  ...approvalVerbs,
  ...roomVerbs,
  ...ruleVerbs,
};

export type VerbName = keyof typeof verbs;
/** What the caller gives; defaults may be left out. */
export type VerbInput<N extends VerbName> = z.input<(typeof verbs)[N]["args"]>;
/** What the effect gets, defaults filled in. */
export type VerbArgs<N extends VerbName> = z.output<(typeof verbs)[N]["args"]>;
/** What it resolves to; for a stream, one line. */
export type VerbResult<N extends VerbName> = z.output<(typeof verbs)[N]["result"]>;

/**
 * How the HTTP API fails: `{ ok: false, error: VerbFailure }` beside `{ ok: true, result }`. A stream that fails before
 * its first line answers the same way; one that fails later says it in a last line, with `type: "error"`.
 */
export interface VerbFailure {
  /** `bad_arguments`, `unknown_verb`, `refused`, `unavailable` (ask again later) or `failed`. */
  code: string;
  /** What happened, to what. */
  message: string;
  /** What to do now; may be empty. */
  hint: string;
}
