/** The host's process: real code on simulated ports. It can be cut off at any point, and is started again after a while. */
import { join } from "node:path";
import { Audit } from "../../../src/audit/audit.ts";
import type { Clock } from "../../../src/lib/clock.ts";
import { type MessagePath, messagePath } from "../../../src/message-path.ts";
import { containerSpec } from "../../../src/sessions/container.ts";
import { defaultTimers, type Timers } from "../../../src/sessions/machine.ts";
import { storeOn } from "../../../src/store/store.ts";
import { Life } from "../base/life.ts";
import { SimDatabase, SimMailboxes } from "./disk.ts";
import type { Machine } from "./machine.ts";

/** A turn that hangs is ended sooner than on a real machine, for each of its seconds costs one look. */
const timers: Timers = { ...defaultTimers, busy: 5 * 60_000 };
const BOOT_AGAIN_MS: [number, number] = [300, 5_000];

interface Running {
  life: Life;
  path: MessagePath;
}

export class Host {
  /** The process, from its first line of code to its end. */
  running: Running | null = null;
  readonly #machine: Machine;
  readonly #mailboxes: SimMailboxes;
  #db: SimDatabase | null = null;
  #boots = 0;
  #stopping = false;

  constructor(machine: Machine) {
    this.#machine = machine;
    this.#mailboxes = new SimMailboxes(machine.disk);
  }

  /** Starts a process on what the last one left. */
  boot(): void {
    const { world, disk, promises } = this.#machine;
    this.close();
    this.#boots += 1;
    const life = new Life(`host-${this.#boots}`, (error) => this.failed(error));
    life.onEnd(() => this.#ended());
    world.trace.add(life.name, "starts");
    try {
      const db = new SimDatabase(this.#machine.database, life, disk, () => promises.committed());
      this.#db = db;
      this.running = { life, path: this.#compose(life, db) };
      this.running.path.start().catch((error: unknown) => this.failed(error));
    } catch (error) {
      this.failed(error);
    }
  }

  /** Cut off at the `points`-th point from now on; with null, not at all. */
  crash(points: number | null): void {
    this.running?.life.crashAfter(points);
  }

  /** Stopped in good order, and started again. */
  async restart(): Promise<void> {
    const { running } = this;
    const { world, promises } = this.#machine;
    if (!running || this.#stopping) return;
    this.#stopping = true;
    world.trace.add(running.life.name, "is asked to stop");
    promises.stopping(running.life);
    await running.path.stop().catch((error: unknown) => this.failed(error));
    promises.stopped(running.life);
    running.life.end();
  }

  /** An error that nobody caught: the process ends, as Node ends it. */
  failed(error: unknown): void {
    const { running } = this;
    if (running && !running.life.alive) return;
    this.#machine.promises.hostFailed(error);
    if (running) running.life.end();
    else this.#ended();
  }

  close(): void {
    this.#mailboxes.closeAll();
    this.#db?.close();
    this.#db = null;
    this.running = null;
  }

  #ended(): void {
    const { world } = this.#machine;
    world.trace.add("host", "is gone");
    this.#stopping = false;
    // What was on the stack unwinds first.
    world.time.after(world.outside, world.rng.int(...BOOT_AGAIN_MS), () => this.boot());
  }

  #compose(life: Life, db: SimDatabase): MessagePath {
    const machine = this.#machine;
    const { world, dir, paths } = machine;
    const clock: Clock = {
      now: () => world.wall(),
      after: (ms, run) => world.time.after(life, Math.max(1, ms), run),
    };
    const store = storeOn(db);
    const labels = { "nanoclaw.installation": paths.installation };
    return messagePath({
      ...{ store, clock, labels, timers },
      audit: new Audit(db, clock),
      random: world.rng.fork(life.name),
      log: world.trace.log(life.name),
      driver: machine.engine.driver(life),
      door: machine.bells.door(life),
      readers: machine.readers.of(life),
      readersGroup: null,
      openMailbox: (path) => this.#mailboxes.open(life, path),
      sessionsDir: paths.sessions,
      groupsDir: paths.groups,
      runDir: join(dir, "run"),
      maxContainers: machine.setup.maxContainers,
      specOf: (plan) => containerSpec(plan, paths, labels),
      more: machine.platforms.map((platform) => platform.channel(life)),
    });
  }
}
