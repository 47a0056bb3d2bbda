/**
 * What was said so far, found in the messages of a request. The agent wraps people's words in reminders and frames of
 * its own; here they are taken out again.
 */
import { type Block, type Message, type MessagesRequest, textOf } from "./messages.ts";

/** Something that the model was told. `system` for the harness itself, for example when it asks for a welcome. */
export interface Ask {
  author: "person" | "system";
  /** The name in the frame, or empty. */
  from: string;
  /** The number in the frame; 0 without one. */
  number: number;
  text: string;
}

export interface ToolResult {
  text: string;
  ok: boolean;
}

/** Everything from one ask to the final answer: later asks of a turn are follow-ups, results stand in order of calls. */
export interface Turn {
  asks: Ask[];
  results: ToolResult[];
}

export interface Conversation {
  turns: Turn[];
  /** The agent's working directory. */
  directory: string;
  tools: Set<string>;
}

const REMINDER = /<system-reminder>([\s\S]*?)<\/system-reminder>/g;
const INTERRUPTED = /^\[Request interrupted by user[^\]]*\]$/;
const FRAME = /<(message|nanoclaw)-(\w+)([^>]*)>\n([\s\S]*?)\n<\/\1-\2>/g;
/** How the agent hands over what a person said while it worked. */
const WHILE_WORKING = /sent a new message while you were working:\n([\s\S]*?)(?=\n\n(?:This is how|IMPORTANT)|$)/g;
const DIRECTORY = /working directory: *(\S+)/i;

export function hear(request: MessagesRequest): Conversation {
  const turns: Turn[] = [];
  let open: Turn | null = null;
  for (const message of request.messages) {
    if (message.role === "assistant") {
      if (!blocksOf(message).some((block) => block.type === "tool_use")) open = null;
      continue;
    }
    for (const block of blocksOf(message)) {
      if (block.type === "tool_result") {
        open?.results.push({ text: textOf(block.content), ok: block.is_error !== true });
        continue;
      }
      if (INTERRUPTED.test(block.text?.trim() ?? "")) {
        open = null;
        continue;
      }
      const asks = asksIn(block.text ?? "", message.role === "system");
      if (asks.length === 0) continue;
      if (!open) {
        open = { asks: [], results: [] };
        turns.push(open);
      }
      open.asks.push(...asks);
    }
  }
  const told = [textOf(request.system), ...request.messages.map((message) => textOf(message.content))].join("\n");
  return {
    turns,
    directory: DIRECTORY.exec(told)?.[1] ?? "/workspace",
    tools: new Set((request.tools ?? []).map((tool) => tool.name)),
  };
}

function blocksOf(message: Message): Block[] {
  return typeof message.content === "string" ? [{ type: "text", text: message.content }] : message.content;
}

/** @param aside the text comes from the agent's own machinery: only what it hands over from people counts. */
function asksIn(text: string, aside: boolean): Ask[] {
  const frames = Array.from(text.matchAll(FRAME)).filter(([, kind, , attributes, words]) => {
    // Receipts and lists of files go with a message and want no answer of their own.
    return kind === "message" || attributes !== "" || /cut off/i.test(words ?? "");
  });
  const framed = frames.map(([, kind, , attributes, words]): Ask => {
    const from = /from="([^"]*)"/.exec(attributes ?? "")?.[1] ?? "";
    const number = Number(/number="(\d+)"/.exec(attributes ?? "")?.[1] ?? 0);
    // A task's prompt stands below the line that says which task it is.
    const text = from.startsWith("Scheduled task") ? (words ?? "").replace(/^[\s\S]*?\n\n/, "") : (words ?? "");
    return { author: kind === "nanoclaw" ? "system" : "person", from, number, text: text.trim() };
  });
  if (framed.length > 0) return framed;
  const reminders = aside ? [text] : Array.from(text.matchAll(REMINDER), (match) => match[1] ?? "");
  const handedOver = reminders.flatMap((reminder) =>
    Array.from(reminder.matchAll(WHILE_WORKING), (match) => match[1] ?? ""),
  );
  return [...(aside ? [] : plain(text.replace(REMINDER, ""))), ...handedOver.flatMap(plain)];
}

function plain(text: string): Ask[] {
  return text.trim() ? [{ author: "person", from: "", number: 0, text: text.trim() }] : [];
}
