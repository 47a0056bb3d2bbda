/**
 * A container engine: starting takes time and can fail, its answers can be lost, it can be restarted with or without its
 * containers, and a container can end at any moment. What it says and how long it takes follows the Docker driver.
 */
import { EngineError, Retryable } from "../../../src/lib/errors.ts";
import type { Exit, Sandbox, SandboxDriver, SandboxSpec } from "../../../src/sandbox/sandbox.ts";
import { Dead, type Life } from "../base/life.ts";
import { Container } from "./container.ts";
import type { Machine } from "./machine.ts";

const START_MS: [number, number] = [20, 400];
const SHORT_MS: [number, number] = [1, 10];
/** How long the driver waits for a killed container. */
const KILL_PATIENCE = 30_000;
const LOOK_AGAIN = 500;

const COUNTED = {
  refused: "a start was refused",
  "answer lost": "the answer to a start was lost",
  slow: "a start was slow",
} as const;

export class Engine {
  up = true;
  /** How many of the next starts go wrong, and in which way. */
  trouble: { starts: number; how: "refused" | "answer lost" | "slow" } = { starts: 0, how: "refused" };
  readonly #machine: Machine;
  /** By name; those that have ended stay until somebody removes them. */
  readonly #containers = new Map<string, Container>();
  #made = 0;

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  get running(): Container[] {
    return [...this.#containers.values()].filter(({ state }) => state === "running");
  }

  /** The engine goes down and comes back; without `keep` its containers are killed. */
  restart(keep: boolean, ms: number): void {
    const { world } = this.#machine;
    this.up = false;
    world.tally.count(
      keep
        ? "the engine was restarted, its containers went on"
        : "the engine was restarted, its containers were killed",
    );
    world.trace.add("engine", `down for ${ms} ms, ${keep ? "its containers go on" : "its containers are killed"}`);
    if (!keep) for (const container of this.running) container.kill();
    world.time.after(world.outside, ms, () => {
      this.up = true;
      world.trace.add("engine", "up");
    });
  }

  /** The engine as one process of the host knows it. */
  driver(life: Life): SandboxDriver {
    return {
      id: "simulated",
      cannot: [],
      lacks: () => ({}),
      check: async () => ({ version: "1", runtimes: [] }),
      describe: ({ name }) => name,
      start: (spec) => this.#start(life, spec),
      survivors: (labels) =>
        this.#ask(life, SHORT_MS, () => {
          const ours = [...this.#containers.values()].filter(({ spec }) =>
            Object.entries(labels).every(([key, value]) => spec.labels[key] === value),
          );
          for (const one of ours) if (one.state !== "running") this.#containers.delete(one.spec.name);
          return ours
            .filter(({ state }) => state === "running")
            .map((container) => ({ labels: container.spec.labels, sandbox: this.#sandbox(life, container) }));
        }),
    };
  }

  async #start(life: Life, spec: SandboxSpec): Promise<Sandbox> {
    const { world } = this.#machine;
    const container = await this.#ask(life, SHORT_MS, () => {
      if (this.#containers.get(spec.name)?.state === "running") {
        throw new EngineError(`the name ${spec.name} is in use`, "Remove that container.");
      }
      this.#made += 1;
      const made = new Container(this.#machine, `c${this.#made}`, spec);
      this.#containers.set(spec.name, made);
      return made;
    });
    const trouble = this.trouble.starts > 0 ? this.trouble.how : null;
    if (trouble) {
      this.trouble.starts -= 1;
      world.tally.count(COUNTED[trouble]);
    }
    const took: [number, number] = trouble === "slow" ? [5_000, 40_000] : START_MS;
    await this.#ask(life, took, () => {
      if (this.#containers.get(spec.name) !== container) throw new Retryable(`no container ${spec.name}`);
      if (trouble === "refused") {
        this.#containers.delete(spec.name);
        throw new EngineError("the engine could not start it", "Look at its log.");
      }
      container.start();
    });
    if (trouble === "answer lost") {
      container.unheard = true;
      // The driver removes what it could not hear of, where it can.
      await this.#ask(life, SHORT_MS, () => world.rng.chance(0.7) && this.#remove(container)).catch(() => {});
      throw new Retryable("the engine did not answer in time");
    }
    world.trace.add("engine", `started ${container.id} for ${container.session}`);
    return this.#sandbox(life, container);
  }

  #remove(container: Container): void {
    container.kill();
    this.#containers.delete(container.spec.name);
  }

  #sandbox(life: Life, container: Container): Sandbox {
    container.unheard = false;
    container.knownTo = life;
    const exited = this.#watch(life, container);
    return {
      id: container.id,
      name: container.spec.name,
      exited,
      stats: async () => ({ memoryBytes: 0, cpuMillis: 0, pids: 1 }),
      stop: async (graceMs) => {
        if (graceMs > 0) {
          await this.#ask(life, SHORT_MS, () => container.terminate());
          if (await this.#goneWithin(life, exited, graceMs)) return;
        }
        await this.#ask(life, SHORT_MS, () => container.kill());
        if (await this.#goneWithin(life, exited, KILL_PATIENCE)) return;
        throw new EngineError(`container ${container.id} still runs`, "Restart the engine.");
      },
    };
  }

  async #watch(life: Life, container: Container): Promise<Exit> {
    const { world } = this.#machine;
    const exit = await new Promise<Exit>((resolve) => container.whenEnded(resolve));
    while (!this.up) await world.time.sleep(life, LOOK_AGAIN);
    await world.time.sleep(life, world.rng.int(...SHORT_MS));
    if (this.#containers.get(container.spec.name) === container) this.#containers.delete(container.spec.name);
    return exit;
  }

  async #goneWithin(life: Life, exited: Promise<Exit>, ms: number): Promise<boolean> {
    const { promise: late, resolve } = Promise.withResolvers<false>();
    const timer = this.#machine.world.time.after(life, ms, () => resolve(false));
    const gone = await Promise.race([exited.then(() => true as const), late]);
    timer.cancel();
    return gone;
  }

  #ask<T>(life: Life, ms: [number, number], effect: () => T): Promise<T> {
    if (!life.alive) throw new Dead();
    return this.#machine.world.call(life, ms, () => {
      if (!this.up) {
        this.#machine.world.tally.count("the engine was asked while it was down");
        throw new EngineError("no container engine answers", "Start it.");
      }
      return effect();
    });
  }
}
