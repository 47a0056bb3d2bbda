/**
 * What is promised where an owner has set a budget: what models are used for is counted, and when it is used up no more
 * goes out. In such a run each step of an agent asks the real meter first, as the door does for a request to a model.
 */
import type { MeteredRequest } from "../../src/gateway/meter.ts";
import type { Container } from "./world/container.ts";
import type { Machine } from "./world/machine.ts";

/** Of a request: bytes, which count as so many tokens, and the most that it may write. */
const BYTES = 3_000;
const INPUT = BYTES / 3;
const MOST_OUTPUT = 4_000;

export type Asked =
  | { state: "let out"; ended(): void }
  | { state: "refused"; why: string }
  /** Nobody was there to ask, or the host died over it. */
  | { state: "no answer" };

export class Spending {
  readonly #machine: Machine;
  /** Tokens that the model was really used for. */
  #used = 0;
  #requests = 0;

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  /** A container wants to send a request to its model. */
  ask({ session }: Container): Asked {
    const { host, setup, world } = this.#machine;
    if (setup.budget === null) return { state: "let out", ended: () => {} };
    const { running } = host;
    const meter = running?.meter;
    const [known] = this.#machine.look<{ group: string }>(
      "SELECT agent_group_id AS 'group' FROM sessions WHERE id=?",
      session,
    );
    if (!meter || !running.life.alive || !known) return { state: "no answer" };
    this.#requests += 1;
    const request: MeteredRequest = {
      ...{ model: "scripted", maxOutput: MOST_OUTPUT, streamed: true, fast: false, hash: `request ${this.#requests}` },
      ...{ bytes: BYTES, billed: true },
    };
    const verdict = meter.ask({ id: session, agentGroup: known.group, uid: 1000 }, request);
    if (!running.life.alive) return { state: "no answer" };
    if (!verdict.allow) {
      world.tally.count("a budget stopped a turn");
      return { state: "refused", why: verdict.why };
    }
    const told = {
      input: INPUT,
      output: world.rng.int(100, MOST_OUTPUT),
      cacheRead: 0,
      cacheWrite: 0,
      cacheWriteHour: 0,
    };
    this.#used += told.input + told.output;
    return {
      state: "let out",
      ended: () => {
        if (!running.life.alive) return;
        meter.ended(verdict.id, 200, { model: null, told, final: true, written: 0 });
      },
    };
  }

  /** At the end of a run. */
  atTheEnd(): void {
    const { setup, world } = this.#machine;
    if (setup.budget === null) return;
    const [counted] = this.#machine.look<{ tokens: number | null }>(
      "SELECT sum(charged_tokens) AS tokens FROM model_requests",
    );
    if ((counted?.tokens ?? 0) < this.#used)
      world.broken("what models are used for is counted", `${counted?.tokens ?? 0} of ${this.#used} tokens`);
    if (this.#used > setup.budget + INPUT + MOST_OUTPUT)
      world.broken("a budget is kept", `${this.#used} tokens of ${setup.budget} were used`);
  }
}
