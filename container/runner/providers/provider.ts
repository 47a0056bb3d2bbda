/**
 * A provider runs the agent. One instance lives as long as the agent's process: it keeps the conversation warm
 * between turns and is closed when the session rests. Failures are values of the event stream, never exceptions.
 */
import { createHash } from "node:crypto";
import type { ErrorClass, Usage } from "../../../protocol/rows.ts";

/** What a provider says while it works on what it was given. */
export type ProviderEvent =
  /** More text of the answer that is being written. */
  | { type: "text"; delta: string }
  /** A new block of text starts: what was written so far was said before a tool call, not the final answer. */
  | { type: "text_reset" }
  /** It is at work and has nothing to show: it thinks. */
  | { type: "alive" }
  /**
   * `same` is equal for calls of the same tool with the same arguments (see `sameness`); `limit` is what the tool itself sets as its
   * longest time, in milliseconds, or null.
   */
  | { type: "tool_started"; call: string; name: string; summary: string; same: string; limit: number | null }
  | { type: "tool_ended"; call: string; ok: boolean }
  /** The agent took up a prompt (by the id given to `send`); a follow-up fed into a running turn is taken up by it. */
  | { type: "taken"; prompt: string }
  /** The value with which a later process takes this conversation up again. May come at any time. */
  | { type: "continuation"; value: string }
  /** The answer to everything taken so far. Exactly one ends each turn. */
  | { type: "end"; text: string; usage: Usage | null }
  | { type: "error"; class: ErrorClass; message: string; usage: Usage | null }
  | { type: "stopped"; text: string; usage: Usage | null };

export interface Provider {
  /**
   * Gives the agent a prompt. While a turn runs it is fed to that turn; else it starts one. A prompt that a turn has not
   * taken up by its end is not lost: the provider goes on with it by itself, and that is the next turn.
   */
  send(prompt: { id: string; text: string }): void;
  /**
   * Stops the running turn; it ends with `stopped`, and so does every prompt given before, taken up or not. Nothing
   * happens where none runs.
   */
  interrupt(): void;
  /** Ends the agent's process and frees its memory. */
  close(): Promise<void>;
}

/** A tool of the host's that the agent may call. Its failures are answers too: the agent reads them. */
export interface HostTool {
  name: string;
  description: string;
  /** JSON Schema of its arguments, an object. */
  schema: Record<string, unknown>;
  call(args: Record<string, unknown>): Promise<{ ok: boolean; text: string }>;
}

export interface ProviderOptions {
  instructions: string;
  model: string | null;
  mcpServers: Record<string, unknown>;
  tools: HostTool[];
  /** This provider's own continuation of an earlier process, or null. */
  continuation: string | null;
  /** Where the relay listens, e.g. "http://127.0.0.1:8787". */
  relayUrl: string;
  workspace: string;
  stateDir: string;
  modelRetries: number;
  emit(event: ProviderEvent): void;
}

/** Starts a provider. Resolves when it can take prompts; a provider may go on warming up after that. */
export type ProviderFactory = (options: ProviderOptions) => Promise<Provider>;

/** What `tool_started` says as `same`: equal for equal calls, however the keys of the input are ordered; 16 hex digits. */
export function sameness(name: string, input: unknown): string {
  return createHash("sha256")
    .update(`${name}\n${canonical(input)}`)
    .digest("hex")
    .slice(0, 16);
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === "object" && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}
