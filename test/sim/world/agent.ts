/**
 * A scripted agent: what it does stands in the messages that it gets (see script.ts). It keeps the contract of a provider:
 * takes prompts up in order, some of them into the turn that runs, and ends each turn exactly once.
 */
import type { ProviderEvent } from "../../../container/runner/providers/provider.ts";
import type { Timer } from "../../../src/lib/clock.ts";
import type { Container } from "./container.ts";
import type { Machine } from "./machine.ts";
import { type Script, scriptOf } from "./script.ts";

interface Prompt {
  id: string;
  texts: string[];
}

export class Agent {
  readonly #machine: Machine;
  readonly #container: Container;
  readonly #emit: (event: ProviderEvent) => void;
  #queue: Prompt[] = [];
  /** What the running turn has taken up, or null where none runs. */
  #taken: Script[] | null = null;
  #next: Timer | null = null;
  #calls = 0;
  #closed = false;

  constructor(machine: Machine, container: Container, emit: (event: ProviderEvent) => void) {
    this.#machine = machine;
    this.#container = container;
    this.#emit = (event) => {
      if (!this.#closed) emit(event);
    };
    this.#emit({ type: "continuation", value: `of ${container.id}` });
  }

  send(prompt: Prompt): void {
    this.#queue.push(prompt);
    if (!this.#taken) this.#begin();
  }

  interrupt(): void {
    const taken = this.#taken;
    if (!taken) return;
    this.#queue = [];
    this.#taken = null;
    this.#next?.cancel();
    this.#emit({ type: "stopped", text: answerTo(taken, this.#machine), usage: null });
  }

  close(): void {
    this.#closed = true;
    this.#next?.cancel();
  }

  #begin(): void {
    this.#taken = [];
    this.#in(this.#pause(1, 20), () => {
      this.#takeUp();
      this.#work(0);
    });
  }

  #takeUp(): void {
    const prompt = this.#queue.shift();
    if (!prompt) return;
    this.#emit({ type: "taken", prompt: prompt.id });
    this.#taken?.push(...prompt.texts.map(scriptOf));
  }

  /** One step after the other, until the longest of the scripts is done. */
  #work(step: number): void {
    const taken = this.#taken ?? [];
    const { world } = this.#machine;
    if (taken.some(({ dies }) => dies)) this.#container.kill(true);
    else if (taken.some(({ hangs }) => hangs) && !world.calm) return;
    else if (step >= Math.max(...taken.map(({ steps }) => steps))) this.#finish(taken);
    else this.#step(taken, step);
  }

  #step(taken: Script[], step: number): void {
    const { world } = this.#machine;
    this.#emit({ type: "text", delta: `${step} ` });
    const call = taken.some(({ tools }) => tools > step) ? this.#call(step) : null;
    this.#in(Math.max(...taken.map(({ ms }) => ms)), () => {
      if (call) this.#emit({ type: "tool_ended", call, ok: true });
      if (this.#queue.length > 0 && !taken.some(({ alone }) => alone) && world.rng.chance(0.5)) this.#takeUp();
      this.#work(step + 1);
    });
  }

  #call(step: number): string {
    this.#calls += 1;
    const call = `call-${this.#calls}`;
    this.#emit({ type: "tool_started", call, name: "Bash", summary: `step ${step}` });
    return call;
  }

  #finish(taken: Script[]): void {
    this.#taken = null;
    const failed = taken.find(({ fails }) => fails)?.fails;
    if (failed) this.#emit({ type: "error", class: failed, message: "as it was told to", usage: null });
    else if (taken.every(({ silent }) => silent)) this.#emit({ type: "end", text: "", usage: null });
    else this.#emit({ type: "end", text: answerTo(taken, this.#machine), usage: null });
    if (this.#queue.length > 0) this.#begin();
  }

  #in(ms: number, run: () => void): void {
    this.#next = this.#machine.world.time.after(this.#container.life, ms, () => {
      if (!this.#closed) run();
    });
  }

  #pause(least: number, most: number): number {
    return this.#machine.world.rng.int(least, most);
  }
}

/** No two answers have the same text, so that a repeated one shows. */
function answerTo(taken: Script[], machine: Machine): string {
  machine.answers += 1;
  return `answer ${machine.answers} to ${taken.map(({ id }) => id).join(" ")}`;
}
