/** Understands the messages of the agent SDK: each becomes the events of the provider contract that it stands for. */
import type { SDKMessage } from "@anthropic-ai/claude-agent-sdk";
import { type ProviderEvent, sameness } from "../../runner/providers/provider.ts";
import { plainName } from "./tools.ts";

export class Hearing {
  /** The block of text that is being written. */
  text = "";
  /** Tool calls without a result yet. */
  readonly calls = new Set<string>();
  #session = "";

  /** A new turn begins. */
  reset(): void {
    this.text = "";
    this.calls.clear();
  }

  /** Everything but the end of a turn. `taken` carries the uuid of the prompt and may come more than once. */
  hear(message: SDKMessage): ProviderEvent[] {
    const taken = promptsOf(message).map((prompt) => ({ type: "taken", prompt }) as const);
    if ("parent_tool_use_id" in message && message.parent_tool_use_id !== null) return [];
    switch (message.type) {
      case "system":
        return message.subtype === "init" ? [...this.#began(message.session_id), ...taken] : taken;
      case "stream_event":
        return [...taken, ...this.#written(message.event)];
      case "assistant":
        return [
          ...taken,
          ...message.message.content.flatMap((block) => (block.type === "tool_use" ? this.#called(block) : [])),
        ];
      case "user":
        return Array.isArray(message.message.content)
          ? message.message.content.flatMap((block) => this.#returned(block))
          : [];
      default:
        return taken;
    }
  }

  #began(session: string): ProviderEvent[] {
    if (session === this.#session) return [];
    this.#session = session;
    return [{ type: "continuation", value: session }];
  }

  #written(event: Extract<SDKMessage, { type: "stream_event" }>["event"]): ProviderEvent[] {
    if (event.type === "content_block_start" && event.content_block.type === "text" && this.text !== "") {
      this.text = "";
      return [{ type: "text_reset" }];
    }
    // Thinking, or the input of a tool call that is being written.
    if (event.type !== "content_block_delta" || event.delta.type !== "text_delta") return [{ type: "alive" }];
    this.text += event.delta.text;
    return [{ type: "text", delta: event.delta.text }];
  }

  #called(block: { id: string; name: string; input: unknown }): ProviderEvent[] {
    this.calls.add(block.id);
    const { id: call, input } = block;
    const name = plainName(block.name);
    const same = sameness(name, input);
    return [{ type: "tool_started", call, name, summary: summaryOf(input), same, limit: limitOf(input) }];
  }

  #returned(block: { type: string; tool_use_id?: string; is_error?: boolean }): ProviderEvent[] {
    if (block.type !== "tool_result" || !block.tool_use_id || !this.calls.delete(block.tool_use_id)) return [];
    return [{ type: "tool_ended", call: block.tool_use_id, ok: block.is_error !== true }];
  }
}

/** Prompts that the turn of this message has taken up so far, as the SDK names them on many of its messages. */
function promptsOf(message: SDKMessage): string[] {
  const named: unknown = "user_message_uuids" in message ? message.user_message_uuids : undefined;
  return Array.isArray(named) ? named.filter((uuid) => typeof uuid === "string") : [];
}

/** The longest time that the call gives itself, in milliseconds: Bash has `timeout`. */
function limitOf(input: unknown): number | null {
  const { timeout } = fieldsOf(input);
  return typeof timeout === "number" && timeout > 0 ? timeout : null;
}

/** What a tool call is about, for people: its command, path or pattern, or else its input as it is. */
function summaryOf(input: unknown): string {
  const fields = fieldsOf(input);
  const telling = [fields.command, fields.file_path, fields.pattern, fields.path].find(
    (value) => typeof value === "string",
  );
  return (telling ?? JSON.stringify(fields)).slice(0, 500);
}

function fieldsOf(input: unknown): Record<string, unknown> {
  return typeof input === "object" && input !== null ? (input as Record<string, unknown>) : {};
}
