/** One running container, from after its start to its removal. Its exit is always told, whatever the engine does. */

import { type Clock, sleep } from "../../src/lib/clock.ts";
import { EngineError, messageOf, Retryable } from "../../src/lib/errors.ts";
import type { Exit, Sandbox, SandboxStats } from "../../src/sandbox/sandbox.ts";
import { type Engine, Refused } from "./engine.ts";

/** Between tries to reach an engine that went away, milliseconds. */
const RECONNECT_FIRST = 100;
const RECONNECT_MOST = 5_000;
/** A killed container is gone in well under a second; after this long the engine itself is stuck. */
const KILL_PATIENCE = 30_000;
const KILLED = 137;

export interface ContainerParts {
  engine: Engine;
  clock: Clock;
  /** Aborted when the driver is closed: the container goes on, nobody watches it any more. */
  closed: AbortSignal;
}

export class DockerContainer implements Sandbox {
  readonly id: string;
  readonly name: string;
  readonly exited: Promise<Exit>;
  readonly #parts: ContainerParts;

  /** The container has been started. */
  constructor(id: string, name: string, parts: ContainerParts) {
    this.id = id;
    this.name = name;
    this.#parts = parts;
    this.exited = this.#watch();
  }

  async stop(graceMs: number): Promise<void> {
    if (graceMs > 0) {
      await this.#kill("SIGTERM");
      if (await this.#goneWithin(graceMs)) return;
    }
    await this.#kill("SIGKILL");
    if (await this.#goneWithin(KILL_PATIENCE)) return;
    throw new EngineError(
      `container ${this.name} still runs ${KILL_PATIENCE / 1000} s after it was killed`,
      `Restart the container engine, then \`docker rm -f ${this.name}\`.`,
    );
  }

  async stats(): Promise<SandboxStats> {
    try {
      return await this.#parts.engine.stats(this.id);
    } catch (error) {
      if (error instanceof Refused) throw new Retryable(`no statistics of ${this.name}: ${error.message}`);
      throw error;
    }
  }

  async #kill(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    try {
      await this.#parts.engine.kill(this.id, signal);
    } catch (error) {
      // 404 and 409: it has ended already, which `exited` is about to tell.
      if (!(error instanceof Refused)) throw error;
      if (error.status !== 404 && error.status !== 409) throw new Retryable(`${this.name}: ${error.message}`);
    }
  }

  async #goneWithin(ms: number): Promise<boolean> {
    const { promise: late, resolve } = Promise.withResolvers<false>();
    const timer = this.#parts.clock.after(ms, () => resolve(false));
    const gone = await Promise.race([this.exited.then(() => true as const), late]);
    timer.cancel();
    return gone;
  }

  async #watch(): Promise<Exit> {
    const { engine } = this.#parts;
    const code = await this.#untilAnswered(() => engine.wait(this.id, this.#parts.closed));
    if (code === null) return vanished();
    const state = await this.#untilAnswered(() => engine.inspect(this.id));
    const stderr = await engine.stderr(this.id).catch((error) => `(its output can't be read: ${messageOf(error)})`);
    // A container that can't be removed now is found, and removed, by `survivors` at the next start of the host.
    await engine.remove(this.id).catch(() => {});
    return state === null ? vanished() : { code, outOfMemory: state.State.OOMKilled, stderr };
  }

  /** Asks until the engine answers, over its restarts; null where it knows no such container any more. */
  async #untilAnswered<T>(ask: () => Promise<T>): Promise<T | null> {
    const { clock, closed } = this.#parts;
    for (let pause = RECONNECT_FIRST; ; pause = Math.min(pause * 2, RECONNECT_MOST)) {
      try {
        return await ask();
      } catch (error) {
        if (error instanceof Refused && error.status === 404) return null;
        // Nobody is to be told any more: a promise that stays open is the honest answer.
        if (closed.aborted) return new Promise<never>(() => {});
        await sleep(clock, pause);
      }
    }
  }
}

function vanished(): Exit {
  return { code: KILLED, outOfMemory: false, stderr: "(the container was removed from outside)" };
}
