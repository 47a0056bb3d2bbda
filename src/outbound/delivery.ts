/**
 * Takes outbox rows to their channels. One message of a conversation is on its way at a time, and one notice beside it, so
 * order is kept; conversations don't wait for each other, and notices not for messages. The intent to send is durable before the platform sees anything.
 */

import { splitText } from "../../packages/split-text/index.ts";
import type { FlowGuard } from "../access/flow-guard.ts";
import { tellOwner } from "../access/owner.ts";
import type { Audit, AuditEntry } from "../audit/audit.ts";
import type { Channel } from "../channels/channel.ts";
import { type Clock, inTime, sleep, type Timer } from "../lib/clock.ts";
import { messageOf, Rejected, Retryable, Unknown } from "../lib/errors.ts";
import type { Random } from "../lib/ids.ts";
import type { Log } from "../lib/log.ts";
import { addressOf } from "../store/address.ts";
import { MOST_PARTS, type OutboxRow } from "../store/outbox.ts";
import type { Store } from "../store/store.ts";
import { backoff, MAX_TRIES } from "./backoff.ts";
import type { Drafts } from "./drafts.ts";
import { REPEATED, roomIn } from "./room.ts";

/** How long a channel may take for one message before its outcome counts as unknown, milliseconds. */
const SEND_LIMIT = 60_000;
/** Until what could not be recorded is tried again, milliseconds. */
const UNRECORDED_PAUSE = 2_000;
/** Until a channel that is not there is looked for again, milliseconds. */
const ABSENT_PAUSE = 60_000;
/** Stands in place of an answer. It says no more: whoever reads along reads this too. */
const HELD = "The answer was held back, because others read along here. The owner has been told how to let it through.";

export interface DeliveryParts {
  store: Store;
  audit: Audit;
  clock: Clock;
  random: Random;
  log: Log;
  channel(id: string): Channel | undefined;
  drafts: Pick<Drafts, "settled">;
  guard: Pick<FlowGuard, "say">;
  /** A message could not be delivered, for so many tries now. */
  onTrouble(row: OutboxRow, tries: number, why: string): void;
}

/** What a row comes to, decided before anything is sent. */
type Act =
  | { do: "send"; text: string }
  | { do: "edit"; platformId: string }
  | { do: "react"; platformId: string }
  /** What a lost answer was about is looked up first. */
  | { do: "reconcile" }
  | { do: "give up"; why: string }
  /** It may have arrived, and must not be there twice: a person decides. */
  | { do: "leave open"; why: string };

type ShownRow = OutboxRow & { asks: boolean };

export class Delivery {
  readonly #parts: DeliveryParts;
  /** Conversations with a message on its way, and with a notice. */
  readonly #busy = new Set<string>();
  #timer: Timer | null = null;
  #running = false;
  /** When it last looked, by the wall clock. */
  #lookedAt = 0;

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

  /** A channel came up: what waited for it need not wait any longer. */
  look(): void {
    this.#pump();
  }

  #pump(): void {
    if (!this.#running) return;
    try {
      this.#sendDue();
    } catch (error) {
      this.#parts.log.error({ error: messageOf(error) }, "the outbox can't be read; it is tried again");
      this.#timer?.cancel();
      this.#timer = this.#parts.clock.after(UNRECORDED_PAUSE, () => this.#pump());
    }
  }

  #sendDue(): void {
    const { store, clock, log } = this.#parts;
    const now = clock.now();
    // After the clock was set back a pause would last longer by as much.
    if (now < this.#lookedAt) store.outbox.endPauses();
    this.#lookedAt = now;
    let nextAt = Number.POSITIVE_INFINITY;
    for (const row of store.outbox.heads(now)) {
      const conversation = conversationOf(row);
      if (this.#busy.has(conversation)) continue;
      if (row.nextAt > now) {
        nextAt = Math.min(nextAt, row.nextAt);
        continue;
      }
      const channel = this.#parts.channel(row.channel);
      if (!channel) {
        nextAt = Math.min(nextAt, now + ABSENT_PAUSE);
        if (now - row.createdAt > ABSENT_PAUSE) this.#parts.onTrouble(row, MAX_TRIES, "the channel is not there");
        continue;
      }
      this.#busy.add(conversation);
      const trouble = (error: unknown) => log.error({ outbox: row.id, error: messageOf(error) }, "not delivered yet");
      void this.#deliver(asShown(row, channel), channel)
        .catch(trouble)
        .then(() => {
          this.#busy.delete(conversation);
          this.#pump();
        });
    }
    this.#timer?.cancel();
    this.#timer = Number.isFinite(nextAt) ? clock.after(nextAt - now, () => this.#pump()) : null;
  }

  /** Never rejects. Where the database refuses, the conversation waits and what happened is recorded later. */
  async #deliver(stored: ShownRow, channel: Channel): Promise<void> {
    const { store, clock, log, guard } = this.#parts;
    const spoken = guard.say(stored.sessionId, stored.text, channel.capabilities.previews, stored);
    // What a process died over was let go before, and may have arrived.
    if (spoken.held && stored.state !== "sending") {
      await this.#parts.drafts.settled(stored.sessionId);
      return this.#recorded(stored, () => this.#hold(stored, spoken.why));
    }
    const row = spoken.held ? stored : { ...stored, text: spoken.text };
    const act = this.#decide(row, channel);
    if (act.do === "give up") return this.#recorded(row, () => this.#giveUp(row, act.why));
    if (act.do === "leave open") return this.#recorded(row, () => this.#giveUp(row, act.why, "unknown"));
    if (act.do === "send" && row.text.length > roomIn(channel)) {
      const parts = splitText(row.text, roomIn(channel), MOST_PARTS);
      return this.#recorded(row, () => store.outbox.split(row, parts));
    }
    // Where that could not be written for a while, an answer may have come first.
    if (!(await this.#recorded(row, () => store.outbox.claim(row.id, clock.now())))) return;
    if (act.do === "edit") await this.#parts.drafts.settled(row.sessionId);
    const repeat = act.do === "send" && act.text !== row.text;
    let platformId: string | null;
    try {
      const late = () => new Unknown("the channel gave no answer in time");
      platformId = await inTime(clock, SEND_LIMIT, perform(act, row, channel), late);
    } catch (error) {
      log.warn({ outbox: row.id, channel: row.channel, error: messageOf(error) }, "message not delivered");
      return this.#recorded(row, () => this.#failed(row, act, error));
    }
    if (act.do === "reconcile" && platformId === null) {
      return this.#recorded(row, () => store.outbox.again(row.id, "retry", clock.now(), "it had not arrived"));
    }
    return this.#recorded(row, () => this.#sent(row, platformId, repeat));
  }

  #decide(row: ShownRow, channel: Channel): Act {
    const { clock, store } = this.#parts;
    if (row.kind === "reaction") return { do: "react", platformId: row.target ?? "" };
    const target = row.over === null || row.over === row.id ? null : store.outbox.row(row.over);
    if (row.kind === "edit" && target?.state !== "sent")
      return { do: "give up", why: "the message that it changes was not delivered" };
    if (row.kind === "edit" && !channel.edit) return { do: "give up", why: `${channel.id} can't change a message` };
    if (row.over === row.id && row.state !== "sending") return { do: "give up", why: "its answer came first" };
    const fits = row.text.length <= roomIn(channel) && row.files.length === 0;
    if (target?.platformId && target.state === "sent" && channel.edit) {
      // A long answer has its first part where the draft was.
      if (fits) return { do: "edit", platformId: target.platformId };
      if (row.kind === "edit") return { do: "give up", why: `it is too long to be changed in place` };
    }
    // A row that is `sending` before we touch it may have arrived: its answer was lost, or a process died over it.
    if (row.state !== "sending" || remembers(channel, clock.now() - row.createdAt))
      return { do: "send", text: row.text };
    if (channel.reconcile) return { do: "reconcile" };
    // Nobody is to find the same buttons twice. When a person asks for another try, it counts as the first.
    if (row.asks && row.tries > 0) return { do: "leave open", why: "it asks something, and may have arrived" };
    return { do: "send", text: REPEATED + row.text };
  }

  async #recorded<Result>(row: OutboxRow, write: () => Result): Promise<Result> {
    const { clock, log } = this.#parts;
    for (;;) {
      try {
        return write();
      } catch (error) {
        log.error({ outbox: row.id, error: messageOf(error) }, "the outbox can't be written; it is tried again");
        await sleep(clock, UNRECORDED_PAUSE);
      }
    }
  }

  #sent(row: OutboxRow, platformId: string | null, repeat: boolean): void {
    const { store, audit, clock } = this.#parts;
    store.db.transaction(() => {
      store.outbox.sent(row.id, platformId, clock.now());
      audit.append({ ...recordOf(row, "send"), detail: { outbox: row.id, platformId, repeat } });
    });
  }

  /**
   * What may have arrived stays `sending`, also over further failures: it is repeated with its key where the channel
   * remembers keys, else looked for, else sent once more and marked. An edit may be repeated as often as needed.
   */
  #failed(row: OutboxRow, act: Act, error: unknown): void {
    const { store, clock, random, onTrouble } = this.#parts;
    const tries = row.tries + 1;
    const now = clock.now();
    if (error instanceof Rejected) {
      // What was to take a draft's place, and can't, is said anew.
      if (act.do === "edit" && row.kind === "message") store.outbox.standAlone(row.id);
      else this.#giveUp(row, messageOf(error));
      return;
    }
    const lost = !(error instanceof Retryable) && act.do === "send";
    const open = lost || row.state === "sending" ? "sending" : "retry";
    const repeat = act.do === "send" && act.text !== row.text;
    if ((lost && repeat) || tries >= MAX_TRIES) {
      this.#end(row, open === "sending" ? "unknown" : "dead", messageOf(error));
    } else {
      const after = error instanceof Retryable ? error.after : null;
      store.outbox.again(row.id, open, now + backoff(tries, after, random.fraction()), messageOf(error));
    }
    onTrouble(row, tries, messageOf(error));
  }

  #hold(row: OutboxRow, why: string): void {
    const { store, clock } = this.#parts;
    const { id, kind, channel, chat, answers, over } = row;
    store.db.transaction(() => {
      this.#giveUp(row, why);
      if (kind !== "message") return;
      // It takes the place of a draft that was shown before the guard had a reason.
      store.outbox.notify({ address: row, text: HELD, answers, over, key: `held:${id}` }, clock.now());
      const text = `An answer for ${channel}:${chat} was held back: ${why}. \`ncl guard waive\` lets such answers through, and then \`ncl outbox retry ${id}\` sends this one.`;
      tellOwner(store, `held:${channel}:${chat}`, text, row, clock.now());
    });
  }

  #giveUp(row: OutboxRow, why: string, as: "dead" | "unknown" = "dead"): void {
    this.#end(row, as, why);
    this.#parts.onTrouble(row, as === "unknown" ? MAX_TRIES : row.tries + 1, why);
  }

  #end(row: OutboxRow, state: "unknown" | "dead", why: string): void {
    const { store, audit, clock } = this.#parts;
    store.db.transaction(() => {
      store.outbox.end(row.id, state, why, clock.now());
      audit.append({ ...recordOf(row, "fail"), detail: { outbox: row.id, state } });
    });
  }
}

/** @returns the platform's id of the message; null where there is none */
async function perform(act: Act, row: OutboxRow, channel: Channel): Promise<string | null> {
  const address = addressOf(row);
  const { author, answers, files, buttons } = row;
  switch (act.do) {
    case "send":
      return (await channel.send(address, { text: act.text, author, answers, files, buttons }, row.key)).platformId;
    case "reconcile":
      return (await channel.reconcile?.(address, row.key))?.platformId ?? null;
    case "edit":
      await channel.edit?.(address, act.platformId, { text: row.text, author, answers, files, buttons });
      return act.platformId;
    case "react":
      if (!channel.react) throw new Rejected(`${channel.id} has no reactions`);
      await channel.react(address, act.platformId, row.text);
      return null;
    case "give up":
    case "leave open":
      return null;
  }
}

/** What all records of a delivery have. Its intent is the row that `detail` names: durable before the channel is called. */
function recordOf(row: OutboxRow, what: "send" | "fail"): AuditEntry {
  const { kind, channel, chat, sessionId: session, turn, cause } = row;
  const resource = `${channel}:${chat}`;
  return { actor: "system", verb: `${kind}.${what}`, resource, decision: "fact", session, turn, cause };
}

/** A row as a channel can show it: without buttons it says what to type instead. `asks`: somebody is to press or type one. */
function asShown(row: OutboxRow, { capabilities }: Channel): ShownRow {
  const asks = row.buttons.length > 0 && row.kind !== "draft";
  if (capabilities.buttons || row.buttons.length === 0) return { ...row, asks };
  const lines = row.buttons.flatMap(({ label, typed }) => (typed ? [`${label}: ${typed}`] : []));
  return { ...row, asks, buttons: [], text: [row.text, ...(lines.length > 0 ? ["", ...lines] : [])].join("\n") };
}

/** Whether the channel would notice that it gets this message a second time. */
function remembers(channel: Channel, age: number): boolean {
  const { idempotency } = channel.capabilities;
  return idempotency.kind === "key" && age < idempotency.validFor;
}

const conversationOf = (row: OutboxRow) => JSON.stringify([addressOf(row), row.notice]);
