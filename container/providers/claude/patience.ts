/**
 * How long a turn waits for its model. The SDK itself would retry for minutes and wait for hours on a silent
 * connection. While a tool runs nothing is expected from the model.
 */
import type { SDKMessage } from "@anthropic-ai/claude-agent-sdk";
import { classify, type Failure } from "./errors.ts";

/** In milliseconds. */
export interface Limits {
  /** Without a sign of life of the model. Its first word may take long for a long conversation. */
  silence: number;
  /** The same while the conversation is being compacted: that answer is not streamed. */
  compacting: number;
  /** From the first failed model request to giving up, whatever the retries. */
  retrying: number;
  /** From an interrupt to the end of the process. */
  stopping: number;
}

export const defaultLimits: Limits = { silence: 60_000, compacting: 300_000, retrying: 20_000, stopping: 3000 };

export class Patience {
  readonly #limits: Limits;
  readonly #giveUp: (failure: Failure) => void;
  #silence: NodeJS.Timeout | null = null;
  #retrying: NodeJS.Timeout | null = null;
  #compacting = false;
  #failure: Failure | null = null;

  constructor(limits: Limits, giveUp: (failure: Failure) => void) {
    this.#limits = limits;
    this.#giveUp = giveUp;
  }

  /** A prompt was given while no turn ran: now one has to begin. */
  asked(): void {
    this.#silence ??= this.#timer(this.#limits.silence);
  }

  /** Something was heard in a turn. @param waiting whether the model has to say something next. */
  heard(message: SDKMessage, waiting: boolean): void {
    if (message.type === "system" && message.subtype === "status") this.#compacting = message.status === "compacting";
    if (message.type === "system" && message.subtype === "api_retry") {
      const text =
        message.error_status === null
          ? "Connection to the model failed"
          : `the model's API answered ${message.error_status}`;
      this.#failure = classify({ status: message.error_status, kind: message.error, text });
      this.#retrying ??= this.#timer(this.#limits.retrying);
    }
    if (message.type === "stream_event") this.#retrying = clear(this.#retrying);
    this.#silence = clear(this.#silence);
    if (waiting) this.#silence = this.#timer(this.#compacting ? this.#limits.compacting : this.#limits.silence);
  }

  /** The turn is over. */
  end(): void {
    this.#silence = clear(this.#silence);
    this.#retrying = clear(this.#retrying);
    this.#compacting = false;
    this.#failure = null;
  }

  #timer(ms: number): NodeJS.Timeout {
    const silent: Failure = {
      class: "unreachable",
      message: `the model has not said anything for ${Math.round(ms / 1000)} s`,
    };
    return setTimeout(() => this.#giveUp(this.#failure ?? silent), ms);
  }
}

function clear(timer: NodeJS.Timeout | null): null {
  if (timer) clearTimeout(timer);
  return null;
}
