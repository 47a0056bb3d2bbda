/**
 * A scripted agent: what it does stands in the messages that it gets (see script.ts). It keeps the contract of a provider:
 * takes prompts up in order, some of them into the turn that runs, and ends each turn exactly once.
 */
import type { ProviderEvent } from "../../../container/runner/providers/provider.ts";
import type { Timer } from "../../../src/lib/clock.ts";
import type { Container } from "./container.ts";
import type { Machine } from "./machine.ts";
import { type Deed, type Script, scriptOf } from "./script.ts";

interface Prompt {
  id: string;
  messages: { n: number; message: { text: string } }[];
}

export interface Answer {
  ok: boolean;
  text: string;
}

export interface AgentHooks {
  emit(event: ProviderEvent): void;
  /** Hands a file to the host. @returns its id; rejects where nobody takes it */
  upload(name: string, content: string): Promise<string>;
  /** Asks the host for a verb. */
  ask(verb: string, args: Record<string, unknown>, answered: (answer: Answer) => void): void;
}

/** Without an answer for so long it goes on, milliseconds. */
const ANSWER_TIME = 60_000;
/** Until a request that nobody took is sent again, milliseconds. */
const NO_DOOR = 500;

export class Agent {
  readonly #machine: Machine;
  readonly #container: Container;
  readonly #hooks: AgentHooks;
  #queue: Prompt[] = [];
  /** What the running turn has taken up, or null where none runs. */
  #taken: Script[] | null = null;
  #next: Timer | null = null;
  #calls = 0;
  /** The last message that it said by a verb, and the last that it heard. */
  #said: number | null = null;
  #heard = 0;
  #closed = false;

  constructor(machine: Machine, container: Container, hooks: AgentHooks) {
    this.#machine = machine;
    this.#container = container;
    this.#hooks = hooks;
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
    this.#emit({ type: "stopped", text: this.#answer(taken), usage: null });
  }

  close(): void {
    this.#closed = true;
    this.#next?.cancel();
  }

  #emit(event: ProviderEvent): void {
    if (!this.#closed) this.#hooks.emit(event);
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
    this.#taken?.push(...prompt.messages.map(({ message }) => scriptOf(message.text)));
    this.#heard = prompt.messages.at(-1)?.n ?? this.#heard;
  }

  /** One step after the other, until the longest of the scripts is done. */
  #work(step: number): void {
    const taken = this.#taken ?? [];
    const { world } = this.#machine;
    const hangs = taken.find(({ hangs }) => hangs)?.hangs;
    if (taken.some(({ dies }) => dies)) this.#container.kill(true);
    else if (hangs && !world.calm) return void (hangs === "tool" && this.#call(step));
    else if (taken.some(({ loops }) => loops)) this.#loop();
    else if (step >= Math.max(...taken.map(({ steps }) => steps))) this.#finish(taken);
    else this.#step(taken, step);
  }

  #loop(): void {
    const call = this.#call(0);
    this.#in(50, () => {
      this.#emit({ type: "tool_ended", call, ok: true });
      this.#loop();
    });
  }

  #step(taken: Script[], step: number): void {
    const { world, spending } = this.#machine;
    const asked = spending.ask(this.#container);
    if (asked.state === "no answer") this.#in(NO_DOOR, () => this.#step(taken, step));
    if (asked.state === "refused") this.#stopped(asked.why);
    if (asked.state !== "let out") return;
    this.#emit({ type: "text", delta: `${step} ` });
    const call = taken.some(({ tools }) => tools > step) ? this.#call(step) : null;
    this.#in(Math.max(...taken.map(({ ms }) => ms)), () => {
      asked.ended();
      if (call) this.#emit({ type: "tool_ended", call, ok: true });
      if (this.#queue.length > 0 && !taken.some(({ alone }) => alone) && world.rng.chance(0.5)) this.#takeUp();
      const deed = taken.map(({ does }) => does[step]).find(Boolean);
      if (deed) void this.#ask(deed, step, taken, () => this.#work(step + 1));
      else this.#work(step + 1);
    });
  }

  /** Asks for a verb and goes on when it is answered. */
  async #ask(deed: Deed, step: number, taken: Script[], goOn: () => void): Promise<void> {
    const { words, world } = this.#machine;
    const asked = words.of(deed, taken[0]?.id ?? "", {
      said: this.#said,
      heard: this.#heard,
      where: `${this.#container.session}.${step}`,
    });
    const { file, ...args } = asked.args;
    let waits = true;
    const go = () => {
      if (!waits || this.#closed || this.#taken !== taken) return;
      waits = false;
      this.#next?.cancel();
      goOn();
    };
    this.#in(ANSWER_TIME, go);
    if (typeof file === "string") {
      const id = await this.#hooks.upload("note.txt", file).catch(() => null);
      if (id === null) return go();
      args.files = [id];
      if (!waits || this.#closed || this.#taken !== taken) return;
    }
    this.#hooks.ask(asked.verb, args, ({ ok, text }) => {
      world.trace.add(this.#container.id, `${asked.verb}: ${ok ? "done" : "not done"}: ${text.slice(0, 80)}`);
      if (ok && asked.verb === "messages.send") this.#said = (JSON.parse(text) as { message: number }).message;
      go();
    });
  }

  #call(step: number): string {
    this.#calls += 1;
    const call = `call-${this.#calls}`;
    const summary = `step ${step}`;
    this.#emit({ type: "tool_started", call, name: "Bash", summary, same: summary, limit: null });
    return call;
  }

  #finish(taken: Script[]): void {
    this.#taken = null;
    const failed = taken.find(({ fails }) => fails)?.fails;
    if (failed) this.#emit({ type: "error", class: failed, message: "as it was told to", usage: null });
    else if (taken.every(({ silent }) => silent)) this.#emit({ type: "end", text: "", usage: null });
    else this.#emit({ type: "end", text: this.#answer(taken), usage: null });
    if (this.#queue.length > 0) this.#begin();
  }

  /** Its requests are refused. */
  #stopped(why: string): void {
    this.#taken = null;
    this.#emit({ type: "error", class: "quota", message: why, usage: null });
    if (this.#queue.length > 0) this.#begin();
  }

  #in(ms: number, run: () => void): void {
    this.#next = this.#machine.world.time.after(this.#container.life, ms, () => {
      if (!this.#closed) run();
    });
  }

  /** No two answers have the same text, so that a repeated one shows. */
  #answer(taken: Script[]): string {
    const { words } = this.#machine;
    const answer = words.fresh(`answer to ${taken.map(({ id }) => id).join(" ")}`);
    return taken.some(({ long }) => long) ? words.long(answer) : answer;
  }

  #pause(least: number, most: number): number {
    return this.#machine.world.rng.int(least, most);
  }
}
