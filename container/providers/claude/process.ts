/** One process of the agent SDK, from its start to its end, with the prompts that are put into it. */
import { type Options, query, type SDKMessage, type SDKUserMessage } from "@anthropic-ai/claude-agent-sdk";

/** Called while the process lives. After `close` neither is called again. */
export interface Listener {
  message(message: SDKMessage): void;
  /** It ended without being asked. */
  ended(cause: string): void;
}

/** The SDK takes this option of `interrupt`, but its types in 0.3.330 don't say so. */
type Interrupt = (options: { cancelQueued: boolean }) => Promise<{ cancelled?: string[] } | undefined>;

export class AgentProcess {
  readonly #query: ReturnType<typeof query>;
  readonly #queue: SDKUserMessage[] = [];
  #wake: () => void = () => {};
  /** Those who wait until everything queued was handed to the process. */
  #drained: (() => void)[] = [];
  #closed = false;
  readonly #done: Promise<void>;

  constructor(options: Options, listener: Listener) {
    this.#query = query({ prompt: this.#input(), options });
    this.#done = this.#listen(listener);
  }

  /** @param uuid by which the SDK tells what became of this prompt. */
  push(uuid: string, text: string): void {
    const message = { role: "user", content: text } as const;
    this.#queue.push({
      type: "user",
      uuid: uuid as SDKUserMessage["uuid"] & string,
      message,
      parent_tool_use_id: null,
    });
    this.#wake();
  }

  /** Stops the running turn. @returns prompts that will not run: only with `cancelQueued`, all that had not begun. */
  async interrupt(cancelQueued: boolean): Promise<string[]> {
    // Otherwise the interrupt would overtake prompts that were given before it.
    await new Promise<void>((resolve) => {
      this.#drained.push(resolve);
      this.#wake();
    });
    const receipt = await (this.#query.interrupt as Interrupt).call(this.#query, { cancelQueued });
    return receipt?.cancelled ?? [];
  }

  /** Ends the process; resolves when it has let go of its output. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#query.close();
    await this.#done;
  }

  async *#input(): AsyncGenerator<SDKUserMessage> {
    while (!this.#closed) {
      for (let next = this.#queue.shift(); next; next = this.#queue.shift()) yield next;
      for (const resolve of this.#drained.splice(0)) resolve();
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async #listen(listener: Listener): Promise<void> {
    let cause = "it ended";
    try {
      for await (const message of this.#query) {
        if (this.#closed) return;
        listener.message(message);
      }
    } catch (error) {
      cause = error instanceof Error ? error.message : String(error);
    }
    if (this.#closed) return;
    this.#closed = true;
    listener.ended(cause);
  }
}
