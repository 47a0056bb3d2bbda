/**
 * A provider runs the agent. One instance lives as long as the agent's process: it keeps the conversation warm
 * between turns and is closed when the session rests. Failures are values of the event stream, never exceptions.
 */
import type { ErrorClass, Usage } from "../../../protocol/rows.ts";

/** What a provider says while it works on what it was given. */
export type ProviderEvent =
  /** More text of the answer that is being written. */
  | { type: "text"; delta: string }
  /** A new block of text starts: what was written so far was said before a tool call, not the final answer. */
  | { type: "text_reset" }
  | { type: "tool_started"; call: string; name: string; summary: string }
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

export interface ProviderOptions {
  instructions: string;
  model: string | null;
  mcpServers: Record<string, unknown>;
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
