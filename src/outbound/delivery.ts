/**
 * Takes outbox rows to their channels. One message of a conversation is on its way at a time, so order is kept;
 * conversations don't wait for each other. The intent to send is durable before the platform sees anything.
 */
import type { Audit } from "../audit/audit.ts";
import type { Channel, Receipt } from "../channels/channel.ts";
import type { Clock, Timer } from "../lib/clock.ts";
import { messageOf, Rejected, Retryable, Unknown } from "../lib/errors.ts";
import type { Random } from "../lib/ids.ts";
import type { Log } from "../lib/log.ts";
import type { OutboxRow } from "../store/outbox.ts";
import type { Store } from "../store/store.ts";
import { backoff, MAX_TRIES } from "./backoff.ts";

/** How long a channel may take for one message before its outcome counts as unknown, milliseconds. */
const SEND_LIMIT = 60_000;
/** Until what could not be recorded is tried again, milliseconds. */
const UNRECORDED_PAUSE = 2_000;
/** Marks a message that may have arrived before: the host died while sending it. */
const REPEATED = "(Repeated: I can't tell whether this arrived before.)\n\n";

export interface DeliveryParts {
  store: Store;
  audit: Audit;
  clock: Clock;
  random: Random;
  log: Log;
  channel(id: string): Channel | undefined;
}

export class Delivery {
  readonly #parts: DeliveryParts;
  /** Conversations with a message on its way. */
  readonly #busy = new Set<string>();
  #timer: Timer | null = null;
  #running = false;

  constructor(parts: DeliveryParts) {
    this.#parts = parts;
    parts.store.outbox.onWork(() => this.#pump());
  }

  /** Starts to deliver; first what an earlier process left in the middle of sending. */
  start(): void {
    this.#running = true;
    this.#pump();
  }

  stop(): void {
    this.#running = false;
    this.#timer?.cancel();
  }

  #pump(): void {
    if (!this.#running) return;
    const { store, clock } = this.#parts;
    const now = clock.now();
    let nextAt = Number.POSITIVE_INFINITY;
    for (const row of store.outbox.heads()) {
      const conversation = conversationOf(row);
      if (this.#busy.has(conversation)) continue;
      if (row.nextAt > now) {
        nextAt = Math.min(nextAt, row.nextAt);
        continue;
      }
      this.#busy.add(conversation);
      void this.#deliver(row).then(() => {
        this.#busy.delete(conversation);
        this.#pump();
      });
    }
    this.#timer?.cancel();
    this.#timer = Number.isFinite(nextAt) ? clock.after(nextAt - now, () => this.#pump()) : null;
  }

  /** Never rejects. Where the database refuses, the conversation waits and what happened is recorded later. */
  async #deliver(row: OutboxRow): Promise<void> {
    const { store, clock, log } = this.#parts;
    const channel = this.#parts.channel(row.channel);
    if (!channel) {
      const why = `the channel "${row.channel}" is not there`;
      return this.#recorded(row, () => store.outbox.again(row.id, "retry", clock.now() + 60_000, why));
    }
    // A row that is `sending` before we touch it may have arrived: its answer was lost, or a process died over it.
    const repeat = row.state === "sending" && !remembers(channel, clock.now() - row.createdAt);
    const address = { channel: row.channel, chat: row.chat, thread: row.thread };
    const message = { text: repeat ? REPEATED + row.text : row.text, author: row.author, answers: row.answers };
    await this.#recorded(row, () => store.outbox.claim(row.id));
    let receipt: Receipt;
    try {
      receipt = await this.#bounded(channel.send(address, message, row.key));
    } catch (error) {
      log.warn({ outbox: row.id, channel: row.channel, error: messageOf(error) }, "message not delivered");
      return this.#recorded(row, () => this.#failed(row, error, repeat));
    }
    return this.#recorded(row, () => this.#sent(row, receipt, repeat));
  }

  async #recorded(row: OutboxRow, write: () => void): Promise<void> {
    const { clock, log } = this.#parts;
    for (;;) {
      try {
        return write();
      } catch (error) {
        log.error({ outbox: row.id, error: messageOf(error) }, "the outbox can't be written; it is tried again");
        await new Promise<void>((resolve) => clock.after(UNRECORDED_PAUSE, resolve));
      }
    }
  }

  #sent(row: OutboxRow, { platformId }: Receipt, repeat: boolean): void {
    const { store, audit, clock } = this.#parts;
    store.db.transaction(() => {
      store.outbox.sent(row.id, platformId, clock.now());
      const detail = { outbox: row.id, platformId, repeat };
      const resource = `${row.channel}:${row.chat}`;
      audit.append({ actor: "system", verb: "message.send", resource, decision: "fact", detail });
    });
  }

  /**
   * What may have arrived stays `sending`, also over further failures: it is repeated with its key where the channel
   * remembers keys, else once and marked.
   */
  #failed(row: OutboxRow, error: unknown, repeat: boolean): void {
    const { store, clock, random } = this.#parts;
    const tries = row.tries + 1;
    const now = clock.now();
    const lost = !(error instanceof Retryable || error instanceof Rejected);
    const open = lost || row.state === "sending" ? "sending" : "retry";
    if (error instanceof Rejected) store.outbox.end(row.id, "dead", messageOf(error), now);
    else if ((lost && repeat) || tries >= MAX_TRIES) {
      store.outbox.end(row.id, open === "sending" ? "unknown" : "dead", messageOf(error), now);
    } else {
      const after = error instanceof Retryable ? error.after : null;
      store.outbox.again(row.id, open, now + backoff(tries, after, random.fraction()), messageOf(error));
    }
  }

  #bounded<Result>(work: Promise<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      const timer = this.#parts.clock.after(SEND_LIMIT, () =>
        reject(new Unknown("the channel gave no answer in time")),
      );
      work.then(resolve, reject).finally(() => timer.cancel());
    });
  }
}

/** Whether the channel would notice that it gets this message a second time. */
function remembers(channel: Channel, age: number): boolean {
  const { idempotency } = channel.capabilities;
  return idempotency.kind === "key" && age < idempotency.validFor;
}

const conversationOf = (row: OutboxRow) => JSON.stringify([row.channel, row.chat, row.thread]);
