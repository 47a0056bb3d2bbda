/**
 * The agent's process, as the turn loop sees it: opened ahead of the first prompt, closed while the session rests,
 * opened again when there is work. A provider that can't be opened fails the turn, not the runner.
 */
import type { Provider, ProviderEvent } from "./providers/provider.ts";

export class Agent {
  readonly #open: () => Promise<Provider>;
  readonly #emit: (event: ProviderEvent) => void;
  #provider: Promise<Provider> | null = null;

  constructor(open: () => Promise<Provider>, emit: (event: ProviderEvent) => void) {
    this.#open = open;
    this.#emit = emit;
  }

  /** Starts the process, so that it is there when the first prompt comes. */
  warm(): void {
    this.#provider ??= this.#open();
    // Told to the turn that needs it; without a turn there is nobody to tell.
    this.#provider.catch(() => {});
  }

  async send(id: string, text: string): Promise<void> {
    try {
      this.warm();
      (await this.#provider)?.send({ id, text });
    } catch (error) {
      this.#provider = null;
      const message = `The agent could not be started: ${error instanceof Error ? error.message : String(error)}`;
      this.#emit({ type: "error", class: "bug", message, usage: null });
    }
  }

  async interrupt(): Promise<void> {
    (await this.#provider?.catch(() => null))?.interrupt();
  }

  /** Ends the process. The next prompt starts it again. */
  async close(): Promise<void> {
    const provider = this.#provider;
    this.#provider = null;
    await (await provider?.catch(() => null))?.close();
  }
}
