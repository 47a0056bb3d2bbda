/**
 * The Claude provider: one process of the agent SDK, kept warm between turns. Which prompt a turn took up is what the
 * SDK itself says (`user_message_uuids`): a prompt given while a turn works is folded into it at its next tool
 * boundary; one that comes after the last boundary becomes the SDK's next turn, by itself.
 */
import { randomUUID } from "node:crypto";
import type { SDKMessage, SDKResultMessage } from "@anthropic-ai/claude-agent-sdk";
import type { Usage } from "../../../protocol/rows.ts";
import type { Provider, ProviderEvent, ProviderOptions } from "../../runner/providers/provider.ts";
import { classify, type Failure } from "./errors.ts";
import { Hearing } from "./hearing.ts";
import { sdkOptions } from "./options.ts";
import { defaultLimits, type Limits, Patience } from "./patience.ts";
import { AgentProcess } from "./process.ts";

/** Starts the agent's process at once, so that it is up when the first prompt comes. */
export async function openClaude(options: ProviderOptions, limits: Limits = defaultLimits): Promise<Provider> {
  return new Claude(options, limits);
}

const NEW_CONVERSATION =
  "(The earlier conversation could not be taken up again, so this is a new one: what was said before is not known here. " +
  "Tell the person so in one line.)\n\n";

/** How a turn ends that was broken off, once the agent has let go of it. */
type Verdict = { type: "stopped" } | ({ type: "error" } & Failure);

class Claude implements Provider {
  readonly #options: ProviderOptions;
  readonly #limits: Limits;
  readonly #patience: Patience;
  readonly #hearing = new Hearing();
  #process: AgentProcess | null = null;
  /** Prompts given and not taken up yet, by the uuid that the SDK knows them by. */
  readonly #given = new Map<string, { id: string; text: string }>();
  /** The SDK's session to take up in a new process. */
  #resume: string | null;
  /** The next prompt opens a conversation that should have been an older one. */
  #forgot = false;
  /** The agent has taken up a prompt and not ended its turn. */
  #running = false;
  #verdict: Verdict | null = null;
  #deadline: NodeJS.Timeout | null = null;
  /** What the process said about a failure that belongs to no turn. */
  #lastWords = "";

  constructor(options: ProviderOptions, limits: Limits) {
    this.#options = options;
    this.#limits = limits;
    this.#resume = options.continuation;
    this.#patience = new Patience(limits, (failure) => this.#breakOff({ type: "error", ...failure }));
    this.#start();
  }

  send(prompt: { id: string; text: string }): void {
    const text = this.#forgot ? NEW_CONVERSATION + prompt.text : prompt.text;
    this.#forgot = false;
    const uuid = randomUUID();
    this.#given.set(uuid, { id: prompt.id, text });
    (this.#process ?? this.#start()).push(uuid, text);
    if (!this.#running) this.#patience.asked();
  }

  interrupt(): void {
    this.#breakOff({ type: "stopped" });
  }

  async close(): Promise<void> {
    this.#patience.end();
    if (this.#deadline) clearTimeout(this.#deadline);
    this.#given.clear();
    this.#verdict = null;
    const running = this.#process;
    this.#process = null;
    await running?.close();
  }

  #start(): AgentProcess {
    this.#lastWords = "";
    const process = new AgentProcess(sdkOptions(this.#options, this.#resume), {
      message: (message) => this.#hear(message),
      ended: (cause) => this.#ended(cause),
    });
    this.#process = process;
    return process;
  }

  #hear(message: SDKMessage): void {
    for (const event of this.#hearing.hear(message)) {
      if (event.type === "taken") this.#take(event.prompt);
      else if (event.type === "continuation") {
        this.#resume = event.value;
        this.#emit(event);
      } else if (this.#running) this.#emit(event);
    }
    if (message.type === "result") this.#result(message);
    else if (this.#running && !this.#verdict) this.#patience.heard(message, this.#hearing.calls.size === 0);
  }

  #take(uuid: string): void {
    const prompt = this.#given.get(uuid);
    if (!prompt) return;
    this.#given.delete(uuid);
    if (!this.#running) this.#hearing.reset();
    this.#running = true;
    this.#emit({ type: "taken", prompt: prompt.id });
  }

  #result(result: SDKResultMessage): void {
    const said = result.subtype === "success" ? result.result : result.errors.join("; ");
    if (!this.#running) {
      this.#lastWords = said;
      return;
    }
    const usage = usageOf(result);
    if (this.#verdict?.type === "stopped") this.#finish({ type: "stopped", text: this.#hearing.text, usage });
    else if (result.subtype === "success" && !result.is_error) this.#finish({ type: "end", text: said, usage });
    else if (this.#verdict) this.#finish({ ...this.#verdict, usage });
    else {
      const status = result.subtype === "success" ? (result.api_error_status ?? null) : null;
      const kind = result.terminal_reason === "prompt_too_long" ? "prompt_too_long" : (result.stop_reason ?? "");
      const failure = classify({ status, kind, text: said });
      this.#finish({ type: "error", ...failure, usage });
      if (failure.class === "context") this.#forget();
    }
  }

  /** The conversation can't go on: the next prompt opens a new one. */
  #forget(): void {
    this.#resume = null;
    this.#forgot = true;
    this.#restart();
  }

  /** Breaks off the running turn; it ends with `verdict` as soon as the agent has let go of it. */
  #breakOff(verdict: Verdict): void {
    const process = this.#process;
    if (!process || (!this.#running && this.#given.size === 0)) return;
    // A stop overrides a failure, which leaves more to go on with.
    if (this.#verdict?.type === "stopped" || this.#verdict?.type === verdict.type) return;
    this.#verdict = verdict;
    this.#patience.end();
    if (this.#deadline) clearTimeout(this.#deadline);
    this.#deadline = setTimeout(() => this.#kill(), this.#limits.stopping);
    // A stop takes back what waits behind the turn too; after a failure that goes on as the next turn.
    process.interrupt(verdict.type === "stopped").then(
      (cancelled) => {
        for (const uuid of cancelled) this.#given.delete(uuid);
        if (this.#verdict === verdict && !this.#running && this.#given.size === 0) this.#broken(verdict);
      },
      // It has died meanwhile, and `ended` is called for that.
      () => {},
    );
  }

  #broken(verdict: Verdict): void {
    if (verdict.type === "stopped") this.#finish({ type: "stopped", text: this.#hearing.text, usage: null });
    else this.#finish({ ...verdict, usage: null });
  }

  /** Ends the turn, and whatever must not outlive it. */
  #finish(event: Extract<ProviderEvent, { type: "end" | "error" | "stopped" }>): void {
    this.#running = false;
    this.#verdict = null;
    this.#patience.end();
    if (this.#deadline) clearTimeout(this.#deadline);
    this.#hearing.reset();
    const strays = event.type === "stopped" && this.#given.size > 0;
    if (strays) this.#given.clear();
    this.#emit(event);
    // The process would go on with prompts that count as stopped.
    if (strays) this.#restart();
    else if (this.#given.size > 0) this.#patience.asked();
  }

  #kill(): void {
    void this.#process?.close();
    this.#ended("it did not stop when it was told to");
  }

  #ended(cause: string): void {
    this.#process = null;
    const why = this.#lastWords || cause;
    if (!this.#running && this.#resume !== null && /no conversation found/i.test(why)) {
      this.#resume = null;
      this.#forgot = this.#given.size === 0;
      this.#restart(this.#forgot ? "" : NEW_CONVERSATION);
      return;
    }
    const wasRunning = this.#running;
    if (!wasRunning) for (const uuid of [...this.#given.keys()]) this.#take(uuid);
    if (!this.#running) return;
    if (this.#verdict) this.#broken(this.#verdict);
    else this.#finish({ type: "error", class: "bug", message: `the agent's process ended: ${why}`, usage: null });
    if (this.#given.size > 0) this.#restart();
  }

  /** Gives what was not taken up yet to a new process. @param preface put before the first of it. */
  #restart(preface = ""): void {
    void this.#process?.close();
    const process = this.#start();
    let first = preface;
    for (const [uuid, { text }] of this.#given) {
      process.push(uuid, first + text);
      first = "";
    }
  }

  #emit(event: ProviderEvent): void {
    this.#options.emit(event);
  }
}

function usageOf({ usage }: SDKResultMessage): Usage {
  return {
    inputTokens: usage.input_tokens ?? 0,
    outputTokens: usage.output_tokens ?? 0,
    cacheReadTokens: usage.cache_read_input_tokens ?? 0,
    cacheWriteTokens: usage.cache_creation_input_tokens ?? 0,
  };
}
