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

/** Cost in millionths of a dollar, of those requests whose cost is known; what comes from a cache is not in the input. */
const usageSums = z.object({
  requests: count,
  ...{ input: count, output: count, cacheRead: count, cacheWrite: count },
  cost: count,
  /** How many of the requests were counted by an estimate, and how many have no known cost. */
  ...{ estimated: count, unpriced: count },
});
export const usageBy = z.enum(["day", "agent", "person", "model", "session"]);
export const usage = z.object({
  by: usageBy,
  /** The first day. */
  since: z.string(),
  rows: z.array(usageSums.extend({ key: z.string(), label: z.string() })),
  total: usageSums,
});
/** In dollars for a million tokens. */
export const modelPrice = z.object({
  model: z.string(),
  ...{ input: z.number(), output: z.number(), cacheRead: z.number() },
  ...{ cacheWrite: z.number(), cacheWriteHour: z.number() },
  ...{ note: z.string(), source: z.string(), date: z.string() },
});
export const budgetPer = z.enum(["day", "month", "total"]);
/** `share` and `warnAt` in per cent of the limit. */
export const budget = z.object({
  ...{ budget: z.string(), for: z.string(), per: budgetPer, limit: z.string(), used: z.string(), share: count },
  ...{ warnAt: count, anewAt: at.nullable(), note: z.string() },
});

export const status = z.object({
  version: z.string(),
  pid: z.int(),
  installation: z.string(),
  startedAt: at,
  memory: bytes,
  model,
  /** Used since the day began, in the owner's time zone. */
  today: usageSums,
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

/** `also` are other handles of the same person; what one of them may, all may. */
export const user = z.object({
  user: z.string(),
  name: z.string(),
  also: z.array(z.string()),
  may: z.array(z.string()),
});
export const roleName = z.enum(["owner", "admin"]).describe("owner or admin");
export const role = z.object({ user: z.string(), name: z.string(), role: z.string() });
export const decision = z.object({ allow: z.boolean(), why: z.string() });

export const sessionWhole = session.extend({
  thread: z.string(),
  /** The name of the agent, and what runs it. */
  ...{ agent: z.string(), provider: z.string(), model: z.string(), runtime: z.string() },
  runningSince: at.nullable(),
  /** Its next container begins a new conversation. */
  anew: z.boolean(),
});

export const credentialKind = z.enum(["api_key", "oauth_token", "header", "bearer", "basic", "query", "oauth2"]);
export const credential = z.object({
  name: z.string(),
  kind: credentialKind,
  /** What containers know its placeholder by; empty for none. */
  variable: z.string(),
  setAt: at,
  /** When its access token ends. */
  expiresAt: at.nullable(),
  /** Give or take an hour. */
  usedAt: at.nullable(),
  /** `ok`, or why it does not work any more. */
  state: z.string(),
});
export const credentialWhole = credential.extend({ settings: z.record(z.string(), z.string()) });
export const keyRotated = z.object({ credentials: count, key: z.string() });
/** `check` is what the credential's own service said to it; `detail` says why and what to do. */
export const credentialCheck = z.object({
  name: z.string(),
  check: z.enum(["good", "bad", "not_checked"]),
  detail: z.string(),
});

export const auditDecision = z.enum(["allow", "deny", "fact"]);
/** `cause` is the record that led to it. */
export const auditRecord = z.object({
  n: count,
  cause: count.nullable(),
  at,
  actor: z.string(),
  verb: z.string(),
  resource: z.string(),
  decision: auditDecision,
  session: z.string().nullable(),
  turn: count.nullable(),
  detail: z.string(),
});
/** Each step stands below what led to it: `depth` says how far in. `more` where not all of it is shown. */
export const auditTrace = z.object({
  steps: z.array(auditRecord.extend({ depth: count, text: z.string() })),
  more: z.boolean(),
});
export type AuditTrace = z.infer<typeof auditTrace>;
/** `problem` says what is wrong and where; null when all is well. `note` is what a person should know beside. */
export const auditVerdict = z.object({
  ok: z.boolean(),
  records: count,
  /** Records that signed heads cover; the others could be cut off without a trace. */
  signedUpTo: count,
  head: z.string(),
  problem: z.string().nullable(),
  note: z.string().nullable(),
});
export type AuditVerdict = z.infer<typeof auditVerdict>;
export const auditKey = z.object({ key: z.string(), file: z.string(), publicKey: z.string() });

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
export type UsageSums = z.output<typeof usageSums>;
export type Usage = z.output<typeof usage>;
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

const guardLabel = z.object({ what: z.string(), since: at, session: z.string() });
export const guard = z.object({
  group: z.string(),
  guard: z.enum(["on", "off"]),
  /** What follows from the rest, in words. */
  state: z.string(),
  /** What it has read that somebody wrote who may want something, the oldest first. */
  untrusted: z.array(guardLabel),
  /** What it can see that others are not to learn. */
  private: z.array(guardLabel),
});
export const guardWaiver = z.object({ group: z.string(), source: z.string(), sink: z.string(), since: at });
export const guardSwitch = z.object({ group: z.string(), guard: z.enum(["on", "off"]), note: z.string() });
export const approvalState = z.enum(["pending", "granted", "denied", "expired", "void"]);
export const approval = z.object({
  question: count,
  kind: z.string(),
  state: approvalState,
  group: z.string(),
  title: z.string(),
  askedAt: at,
  expiresAt: at,
  /** Empty while nobody has answered. */
  choice: z.string(),
  answeredBy: z.string(),
});
export const approvalWhole = approval.extend({
  text: z.string(),
  choices: z.array(z.object({ number: count, choice: z.string(), label: z.string() })),
  /** Where it was asked, as `channel:chat`. */
  chat: z.string(),
  session: z.string(),
  /** What an answer is about, as JSON, and its SHA-256. */
  payload: z.string(),
  hash: z.string(),
  answeredAt: at.nullable(),
  usedAt: at.nullable(),
});
export const approvalAnswer = z.object({ question: count, state: approvalState, said: z.string() });

export const senderPolicy = z.enum(["strict", "request_approval", "public"]);
export const room = z.object({
  ...{ chat: z.string(), policy: senderPolicy, agents: z.array(z.string()) },
  members: count,
});
export const roomWhole = room.extend({
  members: z.array(z.string()),
  /** Who is alone there with the agent; empty where others read along. */
  direct: z.string(),
});
export const asksAbout = z.enum(["ask", "ignore"]);
export const unknownRooms = z.object({ channel: z.string(), asks: asksAbout });
export const engageMode = z.enum(["always", "pattern", "mention", "mention-sticky"]);
export const senderScope = z.enum(["all", "known"]);
export const ignoredPolicy = z.enum(["drop", "accumulate"]);
export const sessionMode = z.enum(["shared", "per-thread", "agent-shared"]);
export const wiring = z.object({
  ...{ group: z.string(), chat: z.string(), engage: engageMode },
  /** Empty where it is none. */
  pattern: z.string(),
  ...{ senders: senderScope, ignored: ignoredPolicy, sessionMode, priority: z.int() },
});

export const egressAction = z.enum(["allow", "ask", "deny", "tunnel"]);
export const egressRule = z.object({
  rule: count,
  group: z.string(),
  action: egressAction,
  /** With scheme and port where they are not the usual ones. */
  host: z.string(),
  methods: z.string(),
  path: z.string(),
  /** Empty for none. */
  credential: z.string(),
  privateNetwork: z.boolean(),
  trusted: z.boolean(),
  acts: z.boolean(),
  /** Where it comes from: a person, a bundle, an answer for one session. */
  from: z.string(),
});
/** What an agent can reach, in words. */
export const reachLine = z.object({ host: z.string(), what: z.string(), how: z.string(), from: z.string() });
export const reachAnswer = z.object({
  request: z.string(),
  decision: z.enum(["allowed", "asked about", "denied", "passed on unread"]),
  why: z.string(),
});
export const reachChange = z.object({
  /** False where it was only shown. */
  applied: z.boolean(),
  /** Of the rule that was added or removed; null for bundles. */
  rule: count.nullable(),
  added: z.array(reachLine),
  removed: z.array(reachLine),
});
export const bundle = z.object({ bundle: z.string(), title: z.string(), hosts: z.string(), grantedTo: z.string() });
export const sandbox = z.object({
  group: z.string(),
  /** What protects, what is mounted, and what this driver can't give: one sentence each. */
  words: z.array(z.string()),
  /** For an engine's own command line. */
  command: z.string(),
});

/** What a workspace holds is null where nobody has looked yet; `hidden` folders could not be looked into. */
export const quota = z.object({
  ...{ group: z.string(), bytes: bytes.nullable(), limitBytes: bytes, files: count.nullable(), limitFiles: count },
  ...{ hidden: count, at: at.nullable(), state: z.string() },
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

/** What a change of an agent's packages comes to; `next` says in words what happens then. */
export const packagesChange = z.object({
  applied: z.boolean(),
  added: z.array(z.string()),
  removed: z.array(z.string()),
  packages: z.array(z.string()),
  next: z.string(),
});
/** `state` is "in the image", "being built", "waits" or "failed". */
export const agentPackage = z.object({ group: z.string(), package: z.string(), state: z.string() });
export const packagesStatus = z.object({
  group: z.string(),
  packages: z.array(z.string()),
  state: z.enum(["ready", "building", "failed"]),
  image: z.string(),
  /** Of a build: what it said last. */
  step: z.string(),
  trouble: z.string(),
  next: z.string(),
});
