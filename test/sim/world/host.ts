/** The host's process: real code on simulated ports. It can be cut off at any point, and is started again after a while. */

import { join } from "node:path";
import { TerminalChannel } from "../../../drivers/terminal/terminal.ts";
import { type ApprovalsPart, approvalsPart } from "../../../parts/approvals/index.ts";
import { type CareParts, careEffects } from "../../../parts/care/index.ts";
import { chatEffects } from "../../../parts/chats/index.ts";
import { chatCommands } from "../../../parts/commands/index.ts";
import { conversationEffects } from "../../../parts/conversations/index.ts";
import { tripwire } from "../../../parts/credentials/tripwire.ts";
import { type EgressPart, egressRules } from "../../../parts/egress/index.ts";
import { flowGuard } from "../../../parts/guard/index.ts";
import { messageEffects } from "../../../parts/messages/index.ts";
import { metering } from "../../../parts/meter/index.ts";
import { type Rooms, rooms } from "../../../parts/rooms/index.ts";
import { type ScheduledTasks, type ScheduledTasksParts, scheduledTasks } from "../../../parts/tasks/index.ts";
import { Audit } from "../../../src/audit/audit.ts";
import type { Terminal } from "../../../src/channels/terminal.ts";
import { carryOutFor } from "../../../src/control/agent-tools.ts";
import { type Effects, Executor } from "../../../src/control/execute.ts";
import type { Meter } from "../../../src/gateway/meter.ts";
import type { Clock } from "../../../src/lib/clock.ts";
import { type MessagePath, messagePath } from "../../../src/message-path.ts";
import { containerSpec } from "../../../src/sessions/container.ts";
import { sessionFolder } from "../../../src/sessions/folder.ts";
import { defaultTimers, type Timers } from "../../../src/sessions/machine.ts";
import { type Store, storeOn } from "../../../src/store/store.ts";
import { Life } from "../base/life.ts";
import { SimDatabase, SimMailboxes } from "./disk.ts";
import { filesOf } from "./files.ts";
import type { Machine } from "./machine.ts";

/** A turn that hangs is ended sooner than on a real machine, for each of its seconds costs one look; its model's budget is less. */
const timers: Timers = { ...defaultTimers, busy: 8 * 60_000 };
const BOOT_AGAIN_MS: [number, number] = [300, 5_000];

interface Running {
  life: Life;
  store: Store;
  terminal: Terminal;
  path: MessagePath;
  tasks: ScheduledTasks;
  door: EgressPart;
  asking: ApprovalsPart;
  executor: Executor;
  /** Null where nothing costs anything: as it was before there was one, so that seeds stay what they are. */
  meter: Meter | null;
  /** Resolves when it is up. */
  started: Promise<void>;
  /** When it was started, in simulated milliseconds. */
  since: number;
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
    life.onEnd(() => {
      if (life.cutOff) world.tally.count("the host was cut off");
      this.#ended();
    });
    world.trace.add(life.name, "starts");
    try {
      const db = new SimDatabase(this.#machine.database, life, disk, () => promises.committed());
      this.#db = db;
      const store = storeOn(db);
      const terminal = new TerminalChannel(db, this.#clock(life), () => "Agent");
      const made = this.#compose(life, db, store, terminal);
      const started = this.#start(made).catch((error: unknown) => this.failed(error));
      this.running = { life, store, terminal, ...made, started, since: world.time.now };
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
    // A signal that comes during the start is heard after it (src/main.ts).
    await running.started;
    if (!running.life.alive) return;
    promises.stopping(running.life);
    const cleared = running.tasks.stop();
    running.asking.approvals.stop();
    await running.path.stop().catch((error: unknown) => this.failed(error));
    await cleared;
    if (running.life.alive) running.door.stop();
    promises.stopped(running.life);
    if (running.life.alive) world.tally.count("the host was stopped in good order");
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

  async #start({ path, tasks, asking }: Pick<Running, "path" | "tasks" | "asking">): Promise<void> {
    await path.start();
    asking.approvals.start();
    tasks.start();
  }

  #ended(): void {
    const { world } = this.#machine;
    world.trace.add("host", "is gone");
    this.#stopping = false;
    // What was on the stack unwinds first.
    world.time.after(world.outside, world.rng.int(...BOOT_AGAIN_MS), () => this.boot());
  }

  #clock(life: Life): Clock {
    const { world } = this.#machine;
    return { now: () => world.wall(), after: (ms, run) => world.time.after(life, Math.max(1, ms), run) };
  }

  #compose(
    life: Life,
    db: SimDatabase,
    store: Store,
    terminal: Terminal,
  ): Pick<Running, "path" | "tasks" | "door" | "asking" | "executor" | "meter"> {
    const machine = this.#machine;
    const { world, dir, paths } = machine;
    const clock = this.#clock(life);
    const labels = { "nanoclaw.installation": paths.installation };
    const audit = new Audit(db, clock);
    const random = world.rng.fork(life.name);
    const containers: ScheduledTasksParts["containers"] = {
      ...{ driver: machine.engine.driver(life), labels, runDir: join(dir, "run") },
      ...{ sessionsDir: paths.sessions, groupsDir: paths.groups },
      specOf: (plan) => containerSpec(plan, paths, labels),
    };
    const files = filesOf(machine, life);
    const flow = flowGuard({ store, audit, clock, trusts: () => false });
    const { guard } = flow;
    const asking = approvalsPart({
      ...{ store, audit, clock, log: world.trace.log(life.name) },
      edits: (id) => path.registry.get(id)?.edit !== undefined,
    });
    const { approvals } = asking;
    const path: MessagePath = messagePath({
      ...{ ...containers, store, clock, timers, audit, random, guard },
      log: world.trace.log(life.name),
      door: machine.bells.door(life),
      readers: machine.readers.of(life),
      readersGroup: null,
      openMailbox: (path) => this.#mailboxes.open(life, path),
      maxContainers: machine.setup.maxContainers,
      terminal,
      files,
      tripwire: tripwire({
        ...{ store, audit, clock, random },
        vault: { list: () => [], nameOf: () => null },
        router: () => path.router,
      }),
      ...{ tools: [], carryOut: carryOutFor(store, () => executor), added: () => [], credentials: () => null },
      load: async (id) => {
        throw new Error(`no channel ${id}`);
      },
      more: machine.platforms.map((platform) => platform.channel(life)),
      commands: chatCommands({ store, executor: () => executor }),
      ...{ approvals, hold: (event, room) => meeting.hold(event, room), pair: () => false },
    });
    const { supervisor, registry, router } = path;
    const { groups: groupsDir } = paths;
    const meeting: Rooms = rooms({ store, clock, random, approvals, registry, router, groupsDir });
    const meter =
      machine.setup.budget === null
        ? null
        : metering({
            ...{ store, clock, random, log: world.trace.log(life.name) },
            dismiss: (session) => supervisor.dismiss(session),
          }).meter;
    const door = egressRules({
      ...{ store, audit, clock, approvals, guard, log: world.trace.log(life.name) },
      credentials: {
        list: () => [],
        wire: (name) => Promise.reject(new Error(name)),
        placeholderOf: () => "",
        nameOf: () => null,
      },
      model: () => ({ host: "", what: "", how: "", from: "" }),
    });
    const tasks = scheduledTasks({
      ...{ store, audit, clock, random, router, supervisor, containers },
      log: world.trace.log(life.name),
    });
    const effects = {
      ...messageEffects({
        ...{ store, clock, channel: (id) => registry.get(id) },
        sentFile: (session, id) => files.sent(sessionFolder(paths.sessions, session), id),
      }),
      ...tasks.effects,
      ...asking.effects,
      ...conversationEffects({ store, supervisor: () => supervisor }),
      ...chatEffects({ store, clock, random, terminal, supervisor }),
      ...flow.effects,
      // Of those that look after the installation only this is asked for, which needs the store alone.
      "outbox.retry": careEffects({ store } as CareParts)["outbox.retry"],
    };
    // The verbs of people's own machines (credentials, groups) are not asked for here.
    const executor: Executor = new Executor(effects as unknown as Effects, store, audit);
    return { path, tasks, door, asking, executor, meter };
  }
}
