/** A container: its life, from its start to its exit code, with the real files that the spec mounts into it. */
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { inside } from "../../../protocol/layout.ts";
import { MailboxWriter } from "../../../protocol/mailbox/writer.ts";
import type { Exit, SandboxSpec } from "../../../src/sandbox/sandbox.ts";
import { Life } from "../base/life.ts";
import type { Machine } from "./machine.ts";
import { Runner } from "./runner.ts";

const KILLED = 137;
const CRASHED = 1;
/** From the engine's answer to the runner's first look around. */
const BOOT_MS: [number, number] = [50, 600];
const ORDERLY_MS: [number, number] = [0, 900];

export class Container {
  readonly id: string;
  readonly spec: SandboxSpec;
  state: "created" | "running" | "ended" = "created";
  readonly life: Life;
  /** The host was told that it could not be started: it does not know of it until it looks. */
  unheard = false;
  /** The host's process that knows of it. */
  knownTo: Life | null = null;
  readonly #machine: Machine;
  #runner: Runner | null = null;
  #exit: Exit | null = null;
  #watchers: ((exit: Exit) => void)[] = [];

  constructor(machine: Machine, id: string, spec: SandboxSpec) {
    this.#machine = machine;
    this.id = id;
    this.spec = spec;
    this.life = new Life(id, (error) => {
      throw error;
    });
  }

  get session(): string {
    return this.spec.labels["nanoclaw.session"] ?? "";
  }

  /** A one-shot container: it rolls its mailbox back, or removes what was written in it. */
  get errand(): "recovery" | "clearing" | null {
    const last = this.spec.command.at(-1) ?? "";
    return last.endsWith("recover.ts") ? "recovery" : last.endsWith("-delete") ? "clearing" : null;
  }

  start(): void {
    const { world, promises } = this.#machine;
    this.state = "running";
    promises.containersChanged();
    world.time.after(this.life, world.rng.int(...BOOT_MS), () => this.#boot());
  }

  whenEnded(tell: (exit: Exit) => void): void {
    if (this.#exit) tell(this.#exit);
    else this.#watchers.push(tell);
  }

  /** SIGTERM: the runner ends in good order, unless it is stuck. */
  terminate(): void {
    const { world } = this.#machine;
    if (!world.calm && world.rng.chance(0.1)) return;
    world.time.after(this.life, world.rng.int(...ORDERLY_MS), () => this.end(0));
  }

  /** Everything in it stands still, for ever; it can only be killed. */
  freeze(): void {
    this.#machine.world.trace.add(this.id, "freezes");
    this.#machine.world.tally.count("a container was frozen");
    this.life.frozen = true;
  }

  /** SIGKILL, from whoever. */
  kill(outOfMemory = false): void {
    this.end(KILLED, outOfMemory);
  }

  end(code: number, outOfMemory = false): void {
    if (this.state !== "running") return;
    this.state = "ended";
    this.#machine.world.trace.add(this.id, `ended with ${code}`);
    const { tally } = this.#machine.world;
    if (code === KILLED) tally.count("a container was killed");
    if (this.#runner?.close(code === KILLED)) {
      tally.count("a runner was cut off in a commit");
      this.#machine.halfCommits.add(this.hostPath(inside.outboundDb));
    }
    this.life.end();
    this.#exit = { code, outOfMemory, stderr: "" };
    const watchers = this.#watchers;
    this.#watchers = [];
    for (const tell of watchers) tell(this.#exit);
  }

  /** Where something inside is on the host. */
  hostPath(target: string): string {
    for (const mount of [...this.spec.mounts, { source: this.spec.socket.dir, target: this.spec.socket.target }]) {
      if (target === mount.target) return mount.source;
      if (target.startsWith(`${mount.target}/`)) return mount.source + target.slice(mount.target.length);
    }
    throw new Error(`${target} is not mounted`);
  }

  #boot(): void {
    const outboundDb = this.hostPath(inside.outboundDb);
    // Whoever opens the file as its writer rolls back what was cut off.
    this.#machine.halfCommits.delete(outboundDb);
    if (this.errand === "clearing") {
      const provider = this.hostPath(inside.providerState);
      for (const name of readdirSync(provider)) rmSync(join(provider, name), { recursive: true });
      this.end(0);
      return;
    }
    if (this.errand === "recovery") {
      MailboxWriter.open(outboundDb).close();
      this.end(0);
      return;
    }
    try {
      this.#runner = new Runner(this.#machine, this);
    } catch (error) {
      this.#machine.world.trace.add(this.id, `could not start: ${String(error)}`);
      this.end(CRASHED);
    }
  }
}
