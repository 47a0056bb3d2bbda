/**
 * What verbs resolve to. Types for the effects and for the clients from one source; the CLI takes table columns and
 * units from here. Times are milliseconds since the epoch.
 */
import { z } from "zod";

const at = z.int().meta({ unit: "time" });
const bytes = z.int().meta({ unit: "bytes" });
const count = z.int().min(0);
const health = z.object({ state: z.string(), detail: z.string() });

/** For verbs that have nothing to tell but that they did it. */
export const done = z.object({ done: z.literal(true) });

export const model = z.object({
  model: z.enum(["practice", "anthropic"]),
  address: z.string(),
});

export const status = z.object({
  version: z.string(),
  pid: z.int(),
  installation: z.string(),
  startedAt: at,
  memory: bytes,
  model,
  engine: health,
  channels: z.array(health.extend({ id: z.string() })),
  /** How many sessions are in each state. */
  sessions: z.record(z.string(), count),
  queues: z.object({
    /** Accepted and not yet answered. */
    inbound: count,
    /** Sessions that wait for a free container slot. */
    starting: count,
    outbox: count,
    dead: count,
  }),
});

/** `n` is the number of the message in the log of its chat. */
export const sent = z.object({ n: count, status: z.enum(["accepted", "duplicate"]) });
/** `stopped` is false where no turn ran. */
export const stopped = z.object({ stopped: z.boolean() });
export const chat = z.object({ chat: z.string(), group: z.string(), messages: count, lastAt: at.nullable() });
export const clawChat = z.object({ session: z.string(), chat: z.string(), group: z.string() });

/** One line of `chat.follow`. Messages come in the order of `n`, without gaps that matter: `n` is the cursor. */
export const chatEvent = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("message"),
    n: count,
    from: z.string(),
    /** `system` for notices of the host itself. */
    author: z.enum(["person", "agent", "system"]),
    /** Empty when the agent chose to say nothing. */
    text: z.string(),
    at,
    /**
     * Numbers of the person's messages that are dealt with for good by this one. Empty for what a turn says on its
     * way: so a client knows that it has the whole answer. A system message here means that the turn failed.
     */
    answers: z.array(count),
  }),
  /** What is being written; replaces the draft of the same turn. Gone with the turn's message, or when both are empty. */
  z.object({ type: z.literal("draft"), turn: z.string(), text: z.string(), activity: z.string() }),
  /** The backlog is over: what follows happens now. */
  z.object({ type: z.literal("idle") }),
  /** The stream ends here, against its will. */
  z.object({ type: z.literal("error"), code: z.string(), message: z.string(), hint: z.string() }),
]);

export const group = z.object({
  folder: z.string(),
  name: z.string(),
  provider: z.string(),
  model: z.string().nullable(),
  runtime: z.string().nullable(),
  timeZone: z.string(),
});
export const session = z.object({
  session: z.string(),
  group: z.string(),
  /** The chat that it belongs to, as `channel:chat`. */
  chat: z.string(),
  state: z.string(),
  queued: count,
  lastAt: at.nullable(),
});

const credentialKind = z.enum(["api_key", "oauth_token"]);
export const credential = z.object({ name: z.string(), kind: credentialKind, setAt: at });
/** `check` is what the credential's own service said to it; `detail` says why and what to do. */
export const credentialCheck = z.object({
  name: z.string(),
  check: z.enum(["good", "bad", "not_checked"]),
  detail: z.string(),
});

export const auditRecord = z.object({
  n: count,
  at,
  actor: z.string(),
  verb: z.string(),
  resource: z.string(),
  decision: z.string(),
  detail: z.string(),
});
/** `problem` says where the chain breaks and how; null when it is whole. */
export const auditVerdict = z.object({
  ok: z.boolean(),
  records: count,
  head: z.string(),
  problem: z.string().nullable(),
});

export const outboxState = z.enum(["pending", "sending", "sent", "retry", "unknown", "dead"]);
export const outboxRow = z.object({
  id: count,
  state: outboxState,
  to: z.string(),
  tries: count,
  nextAt: at.nullable(),
  error: z.string(),
  /** The beginning of it. */
  text: z.string(),
});

export const missedPolicy = z.enum(["skip", "latest", "all"]);
export const taskSession = z.enum(["own", "chat"]);
export const task = z.object({
  task: z.string(),
  name: z.string(),
  group: z.string(),
  schedule: z.string(),
  timeZone: z.string(),
  state: z.enum(["active", "running", "paused", "done"]),
  nextAt: at.nullable(),
  /** Failed runs in a row. */
  failures: count,
});
export const taskWhole = task.extend({
  chat: z.string(),
  session: taskSession,
  missed: missedPolicy,
  prompt: z.string(),
  /** Empty for none. */
  script: z.string(),
  /** Why it stands as it does, where that was not asked for. */
  note: z.string(),
  runs: z.array(
    z.object({
      dueAt: at,
      state: z.enum(["running", "done", "failed", "skipped"]),
      startedAt: at.nullable(),
      endedAt: at.nullable(),
      note: z.string(),
    }),
  ),
});

export type Status = z.output<typeof status>;
export type ChatEvent = z.output<typeof chatEvent>;

export const agentMessage = z.object({
  /** The number by which the agent may change it, and hears what became of it. */
  message: count,
});

export const channel = health.extend({ id: z.string() });

export const channelNeeds = z.object({
  channel: z.string(),
  title: z.string(),
  fields: z.array(
    z.object({
      name: z.string(),
      label: z.string(),
      help: z.string(),
      secret: z.boolean(),
      required: z.boolean(),
      /** The vault has a value already. */
      isSet: z.boolean(),
    }),
  ),
});

export const pairing = z.object({ code: z.string(), group: z.string(), expiresAt: at });

export const sandbox = z.object({
  group: z.string(),
  /** What protects, what is mounted, and what this driver can't give: one sentence each. */
  words: z.array(z.string()),
  /** For an engine's own command line. */
  command: z.string(),
});

/** `not given`: the driver said beforehand that it lacks this control. */
const held = z.union([z.boolean(), z.literal("not given")]);
export const proofLine = z.discriminatedUnion("type", [
  z.object({ type: z.literal("start"), group: z.string(), runtime: z.string(), attacks: count }),
  z.object({
    type: z.literal("attack"),
    id: z.string(),
    /** The part of the box that it belongs to. */
    wall: z.string(),
    control: z.string(),
    tried: z.string(),
    happened: z.string(),
    held,
  }),
  /** The last line: whether every control that is claimed held. */
  z.object({ type: z.literal("end"), ok: z.boolean(), held: count, failed: count, notGiven: count }),
  z.object({ type: z.literal("error"), code: z.string(), message: z.string(), hint: z.string() }),
]);
export type ProofLine = z.output<typeof proofLine>;

/** `group` and `inside` are empty for a folder that is only allowed. */
export const mount = z.object({
  path: z.string(),
  write: z.boolean(),
  group: z.string(),
  inside: z.string(),
  state: z.string(),
});
export const exposure = z.object({
  path: z.string(),
  files: count,
  bytes,
  /** Whose names promise a secret; the first few. */
  sensitive: z.array(z.string()),
  /** Sockets, pipes and devices; the first few. */
  special: z.array(z.string()),
  /** The folder is larger than was looked at. */
  more: z.boolean(),
});
export const granted = exposure.extend({ inside: z.string(), readOnly: z.boolean(), warning: z.string() });
