/**
 * A runner: the real turn state machine, the real reader of the inbound mailbox and real mailbox files, joined as the
 * runner joins them (container/runner/app.ts), on simulated time and with a scripted agent.
 */
import { readFileSync } from "node:fs";
import { Inbox } from "../../../container/runner/inbox.ts";
import { type Effect, Turns } from "../../../container/runner/turns.ts";
import { runnerConfig } from "../../../protocol/config.ts";
import { inside } from "../../../protocol/layout.ts";
import { MailboxWriter } from "../../../protocol/mailbox/writer.ts";
import { Agent } from "./agent.ts";
import type { BellEnd } from "./bells.ts";
import type { Container } from "./container.ts";
import { Journal } from "./journal.ts";
import type { Machine } from "./machine.ts";

/** Exit code of a runner that can't write its mailbox. */
const OUTBOX = 3;
/** The net under the bell. */
const GLANCE = 5_000;

export class Runner {
  readonly #machine: Machine;
  readonly #container: Container;
  readonly #inbox: Inbox;
  readonly #turns: Turns;
  readonly #journal: Journal;
  readonly #bell: BellEnd;
  #agent: Agent | null = null;
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
        machine.promises.inboundSeen(session, rows);
        this.#perform(this.#turns.rows(rows));
      },
      onTaken: (n) => this.#journal.taken(n),
      complain: (text) => machine.world.broken("a number names one row", text),
    });
    this.#bell = machine.bells.runnerEnd(life, container.hostPath(inside.socketDir), () => void this.#look());
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

  #perform(effects: Effect[]): void {
    for (const effect of effects) this.#tail = this.#tail.then(() => this.#do(effect));
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
        this.#agent ??= new Agent(this.#machine, this.#container, (event) => this.#perform(this.#turns.event(event)));
        return this.#agent.send({ id: effect.prompt, texts: effect.messages.map(({ text }) => text) });
      case "interrupt":
        return this.#agent?.interrupt();
      case "rest":
        this.#agent?.close();
        this.#agent = null;
    }
  }
}
