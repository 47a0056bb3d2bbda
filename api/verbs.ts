/**
 * Every verb of NanoClaw, declared once: the CLI, the HTTP API and the docs are generated from this table.
 * Declarations only. A verb `a.b` is `POST /v1/verbs/a.b` and `ncl a b`; its effect is in src/control.
 */
import { z } from "zod";
import { providerName } from "../protocol/config.ts";
import { MAX_TEXT } from "../protocol/rows.ts";
import * as is from "./results.ts";

/** `agent`: agents may do it too, with what belongs to their own group. */
export type Authority = "owner" | "agent";

export interface Verb<Args extends z.ZodObject = z.ZodObject, Result extends z.ZodType = z.ZodType> {
  /** One line for help and docs, without a full stop. */
  summary: string;
  authority: Authority;
  /**
   * Every field carries `.describe()`. With `.meta({ secret: true })` it is never shown, logged or put in argv; with
   * `.meta({ generated: true })` the command line makes it up.
   */
  args: Args;
  /** Arguments that the command line takes without a flag, in this order. */
  positional: (keyof z.infer<Args> & string)[];
  /** What it resolves to; for a stream, one line of it. An array of objects is shown as a table. */
  result: Result;
  /** A stream answers with one JSON object a line until the caller hangs up. */
  stream: boolean;
  /** As what agents have it; null for a verb that is none of theirs. Its effect must not wait for anything. */
  tool: Tool | null;
}

export interface Tool {
  name: string;
  /** For the model: what it does and when to use it. */
  description: string;
  /** Arguments that the agent's session fills in: its own group, its own chat. */
  own: string[];
  /** No person needs it: the command line leaves it out. */
  agentsOnly: boolean;
}

function verb<Args extends z.ZodRawShape, Result extends z.ZodType>(declaration: {
  summary: string;
  args?: Args;
  positional?: (keyof Args & string)[];
  result: Result;
  stream?: boolean;
  tool?: Pick<Tool, "name" | "description"> & Partial<Tool>;
}): Verb<z.ZodObject<Args, z.core.$strict>, Result> {
  const { summary, result, stream = false } = declaration;
  const tool = declaration.tool ? { own: [], agentsOnly: false, ...declaration.tool } : null;
  const authority = tool ? "agent" : "owner";
  const args = z.strictObject(declaration.args ?? ({} as Args));
  const positional = (declaration.positional ?? []) as Verb<typeof args>["positional"];
  return { summary, authority, args, positional, result, stream, tool };
}

const folder = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,39}$/, "use lower-case letters, digits and hyphens, at most 40")
  .describe("the agent group, by its folder name");
const chat = z.string().min(1).max(100).default("main").describe("the terminal chat");
const runtime = z.enum(["default", "runc", "runsc"]).describe("container runtime; runsc is gVisor");
const number = z.int().min(0);
const limit = z.int().min(1).max(1000).default(50).describe("how many at most");
const credentialName = z.string().regex(/^[a-z0-9][a-z0-9_-]{0,63}$/, "use lower-case letters, digits, - and _");
const timeZone = z.string().min(1).max(100).describe("IANA time zone of the person, such as Europe/Berlin");
const provider = providerName.describe("which engine runs the agent, such as claude");
const task = z.string().min(1).max(100).describe("its id in `ncl tasks list`");
const channel = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,39}$/)
  .describe("the channel, such as telegram");
const message = z.int().min(1).describe("the number of the message");
const groupName = z.string().min(1).max(100).describe("what the agent is called");

export const verbs = {
  status: verb({ summary: "Show how the host, its channels and its sessions are", result: is.status }),
  "host.stop": verb({ summary: "Stop the host; running turns are taken up again at the next start", result: is.done }),

  "chat.send": verb({
    summary: "Say something in a terminal chat",
    args: {
      chat,
      text: z.string().min(1).max(MAX_TEXT).describe("what to say"),
      key: z
        .string()
        .min(8)
        .max(100)
        .meta({ generated: true })
        .describe("names this message, so that repeating the request never says it twice"),
    },
    positional: ["text"],
    result: is.sent,
  }),
  "chat.follow": verb({
    summary: "Follow a terminal chat: its messages, then what happens in it",
    args: {
      chat,
      after: number.optional().describe("start after the message of this number"),
      tail: number.max(1000).optional().describe("without --after: start with this many of the last messages"),
    },
    result: is.chatEvent,
    stream: true,
  }),
  "chat.stop": verb({ summary: "Stop the turn that runs for a terminal chat", args: { chat }, result: is.stopped }),
  "chat.list": verb({
    summary: "List the terminal chats, the latest used first",
    args: { limit },
    result: z.array(is.chat),
  }),
  "claw.open": verb({
    summary: "Open a terminal chat of its own with an agent, or take one up again",
    args: {
      group: folder.optional(),
      session: z.string().min(1).max(100).optional().describe("the session to take up again"),
      runtime: runtime.optional(),
    },
    result: is.clawChat,
  }),

  "groups.list": verb({ summary: "List the agent groups", result: z.array(is.group) }),
  "groups.init": verb({
    summary: "Make an agent group and wire the main terminal chat to it where that has none; safe to repeat",
    args: {
      ...{ folder, name: groupName, timeZone },
      provider: provider.default("claude"),
    },
    positional: ["folder"],
    result: is.group,
  }),
  "groups.set": verb({
    summary: "Change an agent group; it holds from the next start of its container",
    args: {
      folder,
      name: groupName.optional(),
      timeZone: timeZone.optional(),
      provider: provider.optional(),
      model: z.string().min(1).max(200).optional().describe("the provider's name of the model, or default"),
      runtime: runtime.optional(),
    },
    positional: ["folder"],
    result: is.group,
  }),
  "sessions.list": verb({
    summary: "List the sessions and what each is doing, the latest used first",
    args: { limit },
    result: z.array(is.session),
  }),

  "credentials.list": verb({
    summary: "List the stored credentials, never their values",
    result: z.array(is.credential),
  }),
  "credentials.set": verb({
    summary: "Store a credential, encrypted; it never enters a container",
    args: {
      name: credentialName.describe("what it is for, such as anthropic"),
      kind: z.enum(["api_key", "oauth_token"]).default("api_key").describe("an API key, or a subscription's token"),
      secret: z.string().min(1).max(20_000).meta({ secret: true }).describe("the credential itself"),
    },
    positional: ["name"],
    result: is.credentialCheck,
  }),
  "credentials.remove": verb({
    summary: "Forget a credential",
    args: { name: credentialName.describe("which one") },
    positional: ["name"],
    result: is.done,
  }),
  "model.use": verb({
    summary: "Choose which model answers",
    args: {
      model: z.enum(["practice", "anthropic"]).describe("the practice model needs no account"),
      address: z.url().max(500).optional().describe("where its API is, when not at the usual place"),
    },
    positional: ["model"],
    result: is.model,
  }),

  "audit.list": verb({
    summary: "List what was asked for, by whom, and what was decided",
    args: { limit, after: number.optional().describe("start after the record of this number") },
    result: z.array(is.auditRecord),
  }),
  "audit.verify": verb({ summary: "Check that the audit chain is whole", result: is.auditVerdict }),
  "channels.list": verb({ summary: "List the channels and how each is", result: z.array(is.channel) }),
  "channels.describe": verb({
    summary: "Tell what a channel needs to be added",
    args: { channel },
    positional: ["channel"],
    result: is.channelNeeds,
  }),
  "channels.add": verb({
    summary: "Start a channel, with the credentials that it needs; `ncl skills add` does it all",
    args: {
      channel,
      credentials: z
        .string()
        .max(100_000)
        .default("{}")
        .meta({ secret: true })
        .describe("what it needs, as a JSON object; what is left out stays as it was"),
    },
    positional: ["channel"],
    result: is.channel,
  }),
  "channels.remove": verb({
    summary: "Stop a channel and forget its credentials; its chats stay wired",
    args: { channel },
    positional: ["channel"],
    result: is.done,
  }),
  "channels.pair": verb({
    summary: "Make a code that ties a chat to an agent: send it to the agent's account there",
    args: { channel, group: folder.optional() },
    positional: ["channel"],
    result: is.pairing,
  }),
  "messages.send": verb({
    summary: "Say something in the conversation before the turn ends",
    args: {
      text: z.string().max(MAX_TEXT).default("").describe("what to say; may be empty where there are files"),
      files: z.array(z.string().max(500)).max(5).default([]).describe("files to send, as paths in your workspace"),
    },
    result: is.agentMessage,
    tool: {
      name: "send_message",
      description:
        "Says something to the people in this conversation now, while you go on working: a sign of progress, or a file. Your answer at the end of the turn is delivered by itself, so don't use this for it. What became of the message is told to you later, by its number.",
      agentsOnly: true,
    },
  }),
  "messages.edit": verb({
    summary: "Change a message that the agent said",
    args: { message, text: z.string().min(1).max(MAX_TEXT).describe("what it is to say instead") },
    result: is.agentMessage,
    tool: {
      name: "edit_message",
      description: "Changes a message of your own that was delivered, by its number. Not every platform can do that.",
      agentsOnly: true,
    },
  }),
  "messages.react": verb({
    summary: "React to a message with an emoji",
    args: { message, emoji: z.string().max(20).describe("one emoji; empty takes your reaction away") },
    result: is.done,
    tool: {
      name: "react",
      description: "Reacts to a message of this conversation with an emoji, by the number in its tag.",
      agentsOnly: true,
    },
  }),
  "tasks.list": verb({
    summary: "List the scheduled tasks, what comes next first",
    tool: { name: "list_tasks", description: "Lists your scheduled tasks." },
    args: { limit },
    result: z.array(is.task),
  }),
  "tasks.show": verb({
    summary: "Show a scheduled task and its latest runs",
    args: { task, limit: z.int().min(1).max(100).default(20).describe("how many runs at most") },
    positional: ["task"],
    result: is.taskWhole,
  }),
  "tasks.add": verb({
    tool: {
      name: "schedule_task",
      description:
        "Schedules something that you are to do later or again and again. You are then given the prompt as a message, in this conversation or in a new one each time, and what you answer goes to this chat. Give exactly one of cron, every and at. Times are in the person's time zone unless you name another.",
      own: ["group", "chat"],
    },
    summary: "Let an agent do something at set times; give one of --cron, --every and --at",
    args: {
      group: folder,
      prompt: z.string().min(1).max(20_000).describe("what the agent is to do"),
      name: z.string().trim().min(1).max(100).describe("how to call the task"),
      cron: z.string().max(200).optional().describe("minute hour day month weekday, seconds first where there are six"),
      every: z.string().max(100).optional().describe("a span of time, such as 15m or 1h 30m"),
      at: z.string().max(100).optional().describe("once: 2030-12-24 18:00, with an offset from UTC, or in 20m"),
      chat: z.string().min(1).max(400).default("main").describe("where it answers: channel:chat, or a terminal chat"),
      timeZone: timeZone.optional(),
      script: z
        .string()
        .min(1)
        .max(20_000)
        .optional()
        .describe('bash that runs first, in the container; {"wake": false} as its last line lets the agent sleep'),
      missed: is.missedPolicy.default("latest").describe("which of the times run that passed while it could not run"),
      session: is.taskSession.default("chat").describe("speak in the chat's conversation, or in a new one each time"),
    },
    positional: ["group", "prompt"],
    result: is.taskWhole,
  }),
  "tasks.pause": verb({
    tool: { name: "pause_task", description: "Lets a scheduled task of yours rest." },
    summary: "Let a scheduled task rest; what runs now goes on",
    args: { task },
    positional: ["task"],
    result: is.task,
  }),
  "tasks.resume": verb({
    tool: { name: "resume_task", description: "Lets a paused task of yours go on." },
    summary: "Let a paused task go on; what passed meanwhile is not made up for",
    args: { task },
    positional: ["task"],
    result: is.task,
  }),
  "tasks.remove": verb({
    tool: { name: "remove_task", description: "Removes a scheduled task of yours." },
    summary: "Remove a scheduled task with its history; what runs now goes on",
    args: { task },
    positional: ["task"],
    result: is.done,
  }),
  "tasks.run": verb({
    summary: "Run a scheduled task now, beside its schedule",
    args: { task },
    positional: ["task"],
    result: is.task,
  }),
  "outbox.list": verb({
    summary: "List messages on their way out",
    args: { state: is.outboxState.optional().describe("only those in this state"), limit },
    result: z.array(is.outboxRow),
  }),
  "outbox.retry": verb({
    summary: "Try a message again that was given up",
    args: { id: z.int().min(1).describe("its number in `ncl outbox list`") },
    positional: ["id"],
    result: is.done,
  }),
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
