/**
 * What was said by somebody about whom a person has to decide first: kept durably and bounded while it is asked, heard
 * after a yes, and after a no gone but for a keyed hash of who it was. One way for all that can be asked about.
 */
import { createHmac } from "node:crypto";
import { z } from "zod";
import type { Approval, Approvals } from "../../src/approvals/approvals.ts";
import type { Acceptance, ChannelEvent } from "../../src/channels/channel.ts";
import type { Clock } from "../../src/lib/clock.ts";
import type { Random } from "../../src/lib/ids.ts";
import type { Store } from "../../src/store/store.ts";

/** An owner has so long to answer, milliseconds. */
const PATIENCE = 24 * 60 * 60_000;
/** Messages that wait for one answer, and questions of one kind that wait, at most. */
const MOST_HELD = 20;
const MOST_ASKED = 20;

export interface WaitingParts {
  store: Store;
  clock: Clock;
  random: Random;
  approvals: Approvals;
  /** Lets an event be heard, as part of the open transaction. */
  replay(event: ChannelEvent): Acceptance;
}

/** What one kind of question is about. */
export interface Subject {
  kind: string;
  /** Whom it is about, out of a question's payload. */
  whoIn(payload: unknown): string[];
  /** In a refusal, such as "its author". */
  name: string;
}

export class Waiting {
  readonly #parts: WaitingParts;
  readonly #subject: Subject;

  constructor(parts: WaitingParts, subject: Subject) {
    this.#parts = parts;
    this.#subject = subject;
  }

  /** @param ask puts the question, where none waits about them; it has to end at the time that it is given */
  hold(who: string[], event: ChannelEvent, ask: (expiresAt: number) => Approval): Acceptance {
    const { store, clock } = this.#parts;
    const { kind, name } = this.#subject;
    if (this.isRefused(who)) return { status: "refused", why: `${name} was refused` };
    return store.db.transaction(() => {
      const known = this.pending(who);
      if (event.change !== "said") return known ? this.#amend(known, event) : NOTHING_HELD;
      if (!known && this.#asked().length >= MOST_ASKED)
        return { status: "refused", why: `too many questions about a ${kind} wait for an answer` };
      const approval = known ?? ask(clock.now() + PATIENCE);
      if (this.#held(approval.id).length >= MOST_HELD)
        return { status: "refused", why: `${name} has said enough for now` };
      store.db.run(
        "INSERT INTO held_events (approval_id, platform_id, event) VALUES (?,?,?) ON CONFLICT DO NOTHING",
        ...[approval.id, event.platformId, JSON.stringify(event)],
      );
      return waits(approval);
    });
  }

  /** What waited is heard, in its order: once, for it no longer waits then. */
  admit(approval: Approval): void {
    const events = this.#held(approval.id);
    this.#drop(approval.id);
    for (const event of events) this.#parts.replay(event);
  }

  /** Nothing is left of what was said, and nobody is asked about them again. */
  refuse(approval: Approval): void {
    const sql = "INSERT OR IGNORE INTO refused (hash, refused_at) VALUES (?,?)";
    this.#parts.store.db.run(sql, this.#hash(this.#whoIn(approval)), this.#parts.clock.now());
    this.forget(approval);
  }

  /** Nothing is left of what was said. */
  forget(approval: Approval): void {
    this.#drop(approval.id);
    this.#parts.approvals.forget(approval);
  }

  /** @returns false where they were not refused */
  forgive(who: string[]): boolean {
    return this.#parts.store.db.run("DELETE FROM refused WHERE hash=?", this.#hash(who)) > 0;
  }

  isRefused(who: string[]): boolean {
    return this.#parts.store.db.get("SELECT 1 FROM refused WHERE hash=?", this.#hash(who)) !== undefined;
  }

  /** The question about them that waits; null for none. */
  pending(who: string[]): Approval | null {
    const wanted = JSON.stringify(who);
    return this.#asked().find((one) => JSON.stringify(this.#whoIn(one)) === wanted) ?? null;
  }

  /** What was changed or taken back meanwhile is heard as it is now, or not at all; only its author can do that. */
  #amend(approval: Approval, event: ChannelEvent): Acceptance {
    const { db } = this.#parts.store;
    const before = this.#held(approval.id).find(({ platformId }) => platformId === event.platformId);
    if (!before) return NOTHING_HELD;
    if (before.user !== event.user) return { status: "refused", why: "only its author can change a message" };
    const now = JSON.stringify({ ...before, text: event.text, files: event.files });
    const which = [approval.id, event.platformId];
    if (event.change === "deleted") db.run("DELETE FROM held_events WHERE approval_id=? AND platform_id=?", ...which);
    else db.run("UPDATE held_events SET event=? WHERE approval_id=? AND platform_id=?", now, ...which);
    return waits(approval);
  }

  #asked(): Approval[] {
    const { asked } = this.#parts.approvals;
    return asked.list("pending", 1000).filter(({ kind }) => kind === this.#subject.kind);
  }

  #whoIn({ payload }: Approval): string[] {
    return this.#subject.whoIn(JSON.parse(payload));
  }

  #held(approval: number): ChannelEvent[] {
    return this.#parts.store.db
      .all<{ event: string }>("SELECT event FROM held_events WHERE approval_id=? ORDER BY id", approval)
      .map(({ event }) => JSON.parse(event) as ChannelEvent);
  }

  #drop(approval: number): void {
    this.#parts.store.db.run("DELETE FROM held_events WHERE approval_id=?", approval);
  }

  /** Who was refused is not kept by name: only who has their name can tell. */
  #hash(who: string[]): string {
    const { settings } = this.#parts.store;
    const known = settings.get("strangers:key", z.string());
    const key = known ?? this.#parts.random.token(52);
    if (!known) settings.set("strangers:key", key);
    return createHmac("sha256", key).update(JSON.stringify(who)).digest("hex");
  }
}

const NOTHING_HELD: Acceptance = { status: "ignored", why: "nothing of that was heard" };
const waits = ({ id }: Approval): Acceptance => ({
  status: "held",
  why: `question ${id} has to be answered first`,
});
