/**
 * A runner: the real turn state machine, the real reader of the inbound mailbox and real mailbox files, joined as the
 * runner joins them (container/runner/app.ts), on simulated time and with a scripted agent.
 */
import { readFileSync } from "node:fs";
import { Inbox } from "../../../container/runner/inbox.ts";
import { Liveness } from "../../../container/runner/liveness.ts";
import { type Effect, type Failure, Turns } from "../../../container/runner/turns.ts";
import { runnerConfig } from "../../../protocol/config.ts";
import { exitCode } from "../../../protocol/exit-code.ts";
import { inside } from "../../../protocol/layout.ts";
import { MailboxWriter } from "../../../protocol/mailbox/writer.ts";
import { Agent, type Answer } from "./agent.ts";
import type { BellEnd } from "./bells.ts";
import type { Container } from "./container.ts";
import { Journal } from "./journal.ts";
import type { Machine } from "./machine.ts";

/** Exit code of a runner that can't write its mailbox. */
const OUTBOX = 3;
/** Exit code of a runner whose agent does not let go of a turn, and how long it waits for that. */
const STUCK = exitCode.stuck;
const LETTING_GO: [number, number] = [10, 3_000];
const STUCK_AFTER = 15_000;
/** The net under the bell. */
const GLANCE = 5_000;

export class Runner {
  readonly #machine: Machine;
  readonly #container: Container;
  readonly #inbox: Inbox;
  readonly #turns: Turns;
  readonly #journal: Journal;
  readonly #bell: BellEnd;
  readonly #liveness: Liveness;
  #agent: Agent | null = null;
  /** Who waits for the answer to a row. */
  readonly #asked = new Map<number, (answer: Answer) => void>();
  #tail = Promise.resolve();

  constructor(machine: Machine, container: Container) {
    this.#machine = machine;
    this.#container = container;
    const { life, session } = container;
    const config = runnerConfig.parse(JSON.parse(readFileSync(container.hostPath(inside.config), "utf8")));
    const outboundDb = container.hostPath(inside.outboundDb);
    const writer = MailboxWriter.open(outboundDb);
    this.#turns = new Turns({
      lastNumber: Math.max(config.outboundCursor, writer.lastNumber()),
      provider: config.provider,
      continuation: config.continuation,
    });
    this.#journal = new Journal(machine, life, {
      ...{ writer, session },
      path: outboundDb,
      ring: () => this.#bell.ring(),
      failed: () => container.end(OUTBOX),
    });
    this.#inbox = new Inbox({
      path: container.hostPath(inside.inboundDb),
      onRows: (rows) => {
        machine.promises.inboundSeen(container, rows);
        for (const { body } of rows) if (body.kind === "answer") this.#asked.get(body.to)?.(body);
        this.#perform(this.#turns.rows(rows));
      },
      onTaken: (n) => this.#journal.taken(n),
      complain: (text) => machine.world.broken("a number names one row", text),
    });
    this.#bell = machine.bells.runnerEnd(life, container.hostPath(inside.socketDir), () => void this.#look());
    this.#liveness = new Liveness({
      budgets: config.budgets,
      beat: () => this.#perform(this.#turns.beat()),
      over: (failure) => this.#breakOff(failure),
      timing: {
        now: () => machine.world.time.now,
        after: (ms, run) => {
          const timer = machine.world.time.after(life, ms, run);
          return () => timer.cancel();
        },
      },
    });
    this.#glanceLater();
    void this.#look();
  }

  /** The container is gone. @returns whether it was cut off in the middle of a commit. */
  close(killed: boolean): boolean {
    return this.#journal.close() && killed && this.#machine.world.rng.chance(0.5);
  }

  async #look(): Promise<void> {
    if (this.#container.life.alive) await this.#inbox.look();
  }

  #glanceLater(): void {
    this.#machine.world.time.after(this.#container.life, GLANCE, () => {
      this.#inbox.glance();
      this.#glanceLater();
    });
  }

  /** The agent that worked on it is given up; at times it does not let go. */
  #breakOff(failure: Failure): void {
    const { world, promises } = this.#machine;
    const { life, session } = this.#container;
    world.trace.add(this.#container.id, `breaks off: ${failure.message}`);
    promises.brokenOff(session);
    this.#agent?.close();
    this.#agent = null;
    this.#perform(this.#turns.breakOff(failure));
    if (!world.calm && world.rng.chance(0.2)) {
      world.time.after(life, STUCK_AFTER, () => this.#container.end(STUCK));
    } else world.time.after(life, world.rng.int(...LETTING_GO), () => this.#perform(this.#turns.letGo()));
  }

  /** The agent asks the host for a verb. */
  #ask(verb: string, args: Record<string, unknown>, answered: (answer: Answer) => void): void {
    const asked = this.#turns.verb(verb, args);
    if (!asked) return;
    this.#asked.set(asked.n, answered);
    this.#perform(asked.effects);
  }

  #perform(effects: Effect[]): void {
    for (const effect of effects) this.#tail = this.#tail.then(() => this.#do(effect));
    this.#liveness.follow(this.#turns.running);
  }

  async #do(effect: Effect): Promise<void> {
    if (!this.#container.life.alive) return;
    switch (effect.do) {
      case "write":
        this.#journal.add(effect.rows, effect.clear);
        void this.#journal.flush();
        return;
      case "progress":
        return this.#journal.progress(effect.progress);
      case "send":
        await this.#journal.flush();
        this.#agent ??= new Agent(this.#machine, this.#container, {
          emit: (event) => {
            this.#perform(this.#turns.event(event));
            this.#liveness.hear(event);
          },
          upload: (name, content) => this.#bell.upload(name, content),
          ask: (verb, args, answered) => this.#ask(verb, args, answered),
        });
        return this.#agent.send({ id: effect.prompt, messages: effect.messages });
      case "interrupt":
        return this.#agent?.interrupt();
      case "rest":
        this.#agent?.close();
        this.#agent = null;
    }
  }
}
