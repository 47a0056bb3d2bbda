/** What the practice model understands: one entry each, tried in order. `/help` is written from this same table. */
import type { Ask, Conversation, ToolResult } from "./conversation.ts";
import { countAloud, fenced, GREETING, STORY, WELCOME } from "./words.ts";

/** What to do about an ask: say something, or use a tool and then say something about its result. */
export type Plan =
  | { say: string; pace?: number }
  | { tool: string; input: Record<string, unknown>; before: string; after(result: ToolResult): string };

export interface Situation {
  conversation: Conversation;
  ask: Ask;
  /** Everything asked before this ask, oldest first. */
  earlier: Ask[];
}

interface Intent {
  /** A line of `/help`; null for what needs no telling. */
  help: { example: string; shows: string } | null;
  matches: RegExp;
  plan(match: RegExpExecArray, situation: Situation): Plan;
}

/** What the agent's tools of its host are called. */
const HOST_TOOL = "mcp__nanoclaw__";
const WORD_PACE = 70;
const LONGEST_WORK = 110;

const intents: Intent[] = [
  {
    help: { example: "/help", shows: "this list" },
    matches: /^\/?help\b|what can you (do|show)/i,
    plan: () => ({ say: help() }),
  },
  {
    help: { example: "what is in the workspace?", shows: "the agent's Bash tool, in its container" },
    matches: /^ls\b|\b(list|which|what)\b.*\b(files?|workspace|folder|directory|dir|place)\b/i,
    plan: (_, { conversation }) =>
      shell(
        conversation,
        "ls -la",
        "Listing the workspace",
        (result) => `This is in ${conversation.directory}:\n\n${fenced(result)}`,
      ),
  },
  {
    help: { example: "write a note: buy milk", shows: "a file that is still there tomorrow (notes.md)" },
    matches: /^(?:please )?(?:write|make|take|add)?\s*(?:down )?(?:a |another )?note:?\s+(?:that )?([\s\S]+)$/i,
    plan: ([, note = ""], { conversation }) =>
      shell(
        conversation,
        `printf '%s\\n' ${quoted(note)} >> notes.md && wc -l < notes.md`,
        "Adding a line to notes.md",
        (result) => `Noted in notes.md, which has ${result.text.trim()} line(s) now. Say "read notes.md" to see it.`,
      ),
  },
  {
    help: { example: "read notes.md", shows: "the agent's Read tool" },
    matches:
      /^(?:please )?(?:read|show(?: me)?|cat|open)\s+(?:the )?(?:file |contents? of )?[`"']?([^\s`"']+?)[`"']?[.?!]?$/i,
    plan: ([, path = ""], { conversation }) => read(conversation, path),
  },
  {
    help: { example: "run id", shows: "any command of yours in the container: who it runs as, what it can reach" },
    matches: /^(?:please )?run:?\s+`{0,3}([\s\S]+?)`{0,3}$/i,
    plan: ([, command = ""], { conversation }) =>
      shell(conversation, command, "Running the command", (result) => `It says:\n\n${fenced(result)}`),
  },
  {
    help: { example: "what time is it?", shows: "the clock of the container" },
    matches: /\b(what('s| is) the (time|date)|what time|what day|which day)\b|^(time|date)\W*$/i,
    plan: (_, { conversation }) =>
      shell(
        conversation,
        "date",
        "Looking at the clock",
        (result) => `The container's clock says: ${result.text.trim()}`,
      ),
  },
  {
    help: { example: "tell me a story", shows: "words as they are written; Ctrl-C stops them" },
    matches: /\bstory\b/i,
    plan: () => ({ say: STORY, pace: WORD_PACE }),
  },
  {
    help: { example: "work for 20 seconds", shows: "a slow tool: say something more meanwhile, it is taken in" },
    matches: /\b(?:work|sleep|wait) (?:for )?(\d+) ?(?:s|seconds?)?\b/i,
    plan: ([, asked], { conversation }) => {
      const seconds = Math.min(Number(asked), LONGEST_WORK);
      const done = `I have worked for ${seconds} seconds.`;
      return shell(conversation, `sleep ${seconds}; echo done`, `Working for ${seconds} seconds`, () => done);
    },
  },
  {
    help: { example: "remind me in 20 seconds to stretch", shows: "a task that the agent schedules by a tool" },
    matches: /\bremind me in (\d+) ?(s|m|h|seconds?|minutes?|hours?) (?:to |of |about )?([\s\S]+)$/i,
    plan: ([, count, unit = "", what = ""], { conversation }) =>
      host(
        conversation,
        "schedule_task",
        {
          name: `reminder: ${what.slice(0, 60)}`,
          prompt: `say This is your reminder: ${what}`,
          at: `in ${count}${unit[0]}`,
        },
        "Scheduling it",
        () => `I will remind you in ${count} ${unit}.`,
      ),
  },
  {
    help: { example: "which tasks are there?", shows: "the same tools" },
    matches: /\b(list|which|what)\b.*\btasks?\b/i,
    plan: (_, { conversation }) =>
      host(conversation, "list_tasks", {}, "Looking at the tasks", (result) => `There is:\n\n${fenced(result)}`),
  },
  {
    help: { example: "send me notes.md", shows: "a file that leaves the container as a stream of bytes" },
    matches: /^(?:please )?send (?:me )?(?:the )?(?:file )?[`"']?([^\s`"']+?)[`"']?[.?!]?$/i,
    plan: ([, path = ""], { conversation }) =>
      host(
        conversation,
        "send_message",
        { text: `Here is ${path}.`, files: [path] },
        "Sending it",
        () => "It is sent.",
      ),
  },
  {
    help: { example: "react", shows: "a reaction to your message, where the platform has them" },
    matches: /^react(?: with (\S+))?$/i,
    plan: ([, emoji = "👍"], { conversation, ask }) =>
      host(conversation, "react", { message: ask.number, emoji }, "Reacting", () => "I have reacted to that."),
  },
  {
    help: { example: "count to 30", shows: "a streamed answer of the length that you want" },
    matches: /\bcount (?:up )?to (\d{1,4})\b/i,
    plan: ([, to]) => ({ say: countAloud(Number(to)), pace: WORD_PACE }),
  },
  {
    help: { example: "my name is Robin", shows: "memory, with the next one: ask it after a restart" },
    matches: /\bmy name is ([\p{L}\p{M}'-]+)/iu,
    plan: ([, name]) => ({ say: `Hello ${name}, I will know it as long as this conversation lasts.` }),
  },
  {
    help: { example: "what is my name?", shows: "what it still knows of the conversation" },
    matches: /\bwhat(?:'s| is) my name\b|\bwho am i\b/i,
    plan: (_, { earlier }) => {
      const name = earlier
        .map((ask) => /\bmy name is ([\p{L}\p{M}'-]+)/iu.exec(ask.text)?.[1])
        .findLast((found) => found);
      return { say: name ? `Your name is ${name}.` : 'You have not told me in this conversation. Say "my name is …".' };
    },
  },
  {
    help: { example: "what did I say?", shows: "the same, in full" },
    matches: /\bwhat (?:did i|have i) (?:say|said|tell|told)/i,
    plan: (_, { earlier }) => {
      const lines = earlier.filter((ask) => ask.author === "person").map((ask) => `- ${ask.text.slice(0, 200)}`);
      return { say: lines.length ? `So far you said:\n\n${lines.slice(-20).join("\n")}` : "Nothing before this." };
    },
  },
  {
    help: { example: "say good evening", shows: "your own words back" },
    matches: /^(?:please )?(?:say|echo|repeat):?\s+([\s\S]+)$/i,
    plan: ([, words = ""]) => ({ say: words.slice(0, 10_000) }),
  },
  {
    help: null,
    matches: /^(hi|hello|hey|good (morning|day|evening|afternoon)|moin|servus)\b/i,
    plan: () => ({ say: GREETING }),
  },
  { help: null, matches: /\b(thanks?|thank you)\b/i, plan: () => ({ say: "You are welcome." }) },
  { help: null, matches: /\b(bye|good night|see you)\b/i, plan: () => ({ say: "Until next time." }) },
];

/** What to do about one ask. */
export function planFor(ask: Ask, situation: Situation): Plan {
  if (ask.author === "system") return { say: aboutNotice(ask.text) };
  for (const intent of intents) {
    const match = intent.matches.exec(ask.text);
    if (match) return intent.plan(match, situation);
  }
  const shown = ask.text.length > 200 ? `${ask.text.slice(0, 200)}…` : ask.text;
  const words = ask.text.split(/\s+/).filter(Boolean).length;
  return { say: `I heard ${words} word(s): "${shown}". I understand only a few things; "/help" lists them.` };
}

/** Notices come from the harness: a wish for a welcome, or that an earlier turn was cut off. */
function aboutNotice(text: string): string {
  if (/\bwelcome\b|\bintroduce yourself\b|\bgreet\b/i.test(text)) return WELCOME;
  if (/cut off/i.test(text)) return "My last try was cut off, so I take it up again.";
  return `I was told: "${text.slice(0, 300)}".`;
}

function help(): string {
  const lines = intents.flatMap(({ help }) => (help ? [`- \`${help.example}\`: ${help.shows}`] : []));
  return `I am scripted words, but the path is real: your message, a closed container, the agent, its tools. Try:\n\n${lines.join("\n")}`;
}

function shell({ tools }: Conversation, command: string, before: string, after: (result: ToolResult) => string): Plan {
  if (!tools.has("Bash")) return { say: "I would need the Bash tool for that, and the agent did not offer it to me." };
  return { tool: "Bash", input: { command, description: before }, before: `${before}.`, after: orFailure(after) };
}

function host(
  { tools }: Conversation,
  name: string,
  input: Record<string, unknown>,
  before: string,
  after: (result: ToolResult) => string,
): Plan {
  const tool = `${HOST_TOOL}${name}`;
  if (!tools.has(tool)) return { say: `I would need the tool ${name} for that, and the agent did not offer it to me.` };
  return { tool, input, before: `${before}.`, after: orFailure(after) };
}

function read(conversation: Conversation, path: string): Plan {
  const after = (result: ToolResult) => `This is in ${path}:\n\n${fenced(result)}`;
  if (!conversation.tools.has("Read")) return shell(conversation, `cat -- ${quoted(path)}`, `Reading ${path}`, after);
  const file = path.startsWith("/") ? path : `${conversation.directory}/${path}`;
  return { tool: "Read", input: { file_path: file }, before: `Reading ${path}.`, after: orFailure(after) };
}

const orFailure = (after: (result: ToolResult) => string) => (result: ToolResult) =>
  result.ok ? after(result) : `That did not work:\n\n${fenced(result)}`;

const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
