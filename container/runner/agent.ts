/**
 * The agent's process, as the turn loop sees it: opened ahead of the first prompt, closed while the session rests,
 * opened again when there is work. Nothing here waits for the agent; what it is told is done in order. A provider that
 * can't be opened fails the turn, not the runner; one that was given up is not heard any more.
 */
import type { Provider, ProviderEvent } from "./providers/provider.ts";

/** How long a provider that was given up may take to end its turn before it is closed, in milliseconds. */
const GRACE = 5000;

interface Process {
  provider: Promise<Provider>;
  line: Line;
}

/** What connects a process with the turn loop, until it is given up. */
interface Line {
  givenUp: boolean;
  /** Resolves when the process ended a turn after it was given up. */
  ended: PromiseWithResolvers<void>;
}

export class Agent {
  readonly #open: (emit: (event: ProviderEvent) => void) => Promise<Provider>;
  readonly #emit: (event: ProviderEvent) => void;
  readonly #grace: number;
  #process: Process | null = null;
  #tail = Promise.resolve();

  constructor(
    open: (emit: (event: ProviderEvent) => void) => Promise<Provider>,
    emit: (event: ProviderEvent) => void,
    grace = GRACE,
  ) {
    this.#open = open;
    this.#emit = emit;
    this.#grace = grace;
  }

  /** Starts the process, so that it is there when the first prompt comes. */
  warm(): void {
    this.#started();
  }

  send(id: string, text: string): void {
    this.#next(async () => {
      const process = this.#started();
      try {
        (await process.provider).send({ id, text });
      } catch (error) {
        if (this.#process === process) this.#process = null;
        const message = `The agent could not be started: ${error instanceof Error ? error.message : String(error)}`;
        if (!process.line.givenUp) this.#emit({ type: "error", class: "bug", message, usage: null });
      }
    });
  }

  interrupt(): void {
    this.#next(async () => (await this.#process?.provider.catch(() => null))?.interrupt());
  }

  /** Ends the process. The next prompt starts it again. */
  close(): Promise<void> {
    return this.#next(async () => {
      const process = this.#process;
      this.#process = null;
      await (await process?.provider.catch(() => null))?.close();
    });
  }

  /**
   * From this call on nothing is heard of the turn that runs. @returns when the process that ran it is gone.
   * @param sent when everything that belongs to that turn was sent
   */
  async abandon(sent: Promise<void>): Promise<void> {
    const process = this.#started();
    process.line.givenUp = true;
    await sent;
    await this.#next(async () => {
      const provider = await process.provider.catch(() => null);
      provider?.interrupt();
      // An orderly end leaves the conversation in order, so it is worth a moment.
      if (provider) await within(this.#grace, process.line.ended.promise);
      if (this.#process === process) this.#process = null;
      await provider?.close();
    });
  }

  #started(): Process {
    this.#process ??= this.#start();
    return this.#process;
  }

  #start(): Process {
    const line: Line = { givenUp: false, ended: Promise.withResolvers() };
    const hear = (event: ProviderEvent) => {
      // The conversation goes on in the next process.
      if (!line.givenUp || event.type === "continuation") this.#emit(event);
      else if (event.type === "end" || event.type === "error" || event.type === "stopped") line.ended.resolve();
    };
    const process: Process = { line, provider: this.#open(hear) };
    // Told to the turn that needs it; without a turn there is nobody to tell.
    process.provider.catch(() => {});
    return process;
  }

  #next(step: () => Promise<void>): Promise<void> {
    this.#tail = this.#tail.then(step);
    return this.#tail;
  }
}

async function within(ms: number, awaited: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([awaited, over]);
  clearTimeout(timer);
}
