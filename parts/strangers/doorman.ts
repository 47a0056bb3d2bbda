/** Asks about unknown senders, once each, and keeps what they say meanwhile: bounded, and nothing of it after a no. */
import { createHmac } from "node:crypto";
import { z } from "zod";
import type { Approval, ApprovalKind, Approvals, Choice } from "../../src/approvals/approvals.ts";
import type { Acceptance, ChannelEvent } from "../../src/channels/channel.ts";
import type { Clock } from "../../src/lib/clock.ts";
import type { MessagingGroupId, Random, UserId } from "../../src/lib/ids.ts";
import type { MessagingGroup } from "../../src/store/groups.ts";
import type { Store } from "../../src/store/store.ts";

const KIND = "sender";
/** An owner has so long to answer, milliseconds. */
const PATIENCE = 24 * 60 * 60_000;
/** Messages of one sender that wait, and senders that are asked about, at most. */
const MOST_HELD = 20;
const MOST_ASKED = 20;
const MOST_SHOWN = { name: 60, lines: 4, text: 300 };

const CHOICES: Choice[] = [
  { id: "yes", label: "Yes, here", grants: true },
  { id: "no", label: "No", grants: false },
];
const payload = z.object({ room: z.string(), user: z.string(), name: z.string() });

export interface DoormanParts {
  store: Store;
  clock: Clock;
  random: Random;
  approvals: Approvals;
  /** Lets an event be heard, as part of the open transaction. */
  replay(event: ChannelEvent): Acceptance;
}

export class Doorman {
  readonly #parts: DoormanParts;
  readonly kind: ApprovalKind;

  constructor(parts: DoormanParts) {
    this.#parts = parts;
    this.kind = {
      kind: KIND,
      least: "owner",
      onAnswer: (approval, { grants }) => (grants ? this.#admit(approval) : this.#refuse(approval)),
      onExpired: (approval) => this.#forget(approval),
    };
  }

  hold(event: ChannelEvent, room: MessagingGroup): Acceptance {
    const { store } = this.#parts;
    if (this.#isRefused(room.id, event.user)) return { status: "refused", why: "its author was refused here" };
    return store.db.transaction(() => {
      const known = this.#waiting(room.id, event.user);
      if (event.change !== "said") return known ? this.#amend(known, event) : NOTHING_HELD;
      if (!known && this.#asked().length >= MOST_ASKED)
        return { status: "refused", why: "too many unknown senders wait for an answer" };
      const approval = known ?? this.#ask(event, room);
      if (this.#held(approval.id).length >= MOST_HELD)
        return { status: "refused", why: "its author has said enough for now" };
      store.db.run(
        "INSERT INTO held_events (approval_id, platform_id, event) VALUES (?,?,?) ON CONFLICT DO NOTHING",
        ...[approval.id, event.platformId, JSON.stringify(event)],
      );
      return { status: "held", why: `question ${approval.id} has to be answered first` };
    });
  }

  /** Somebody who was refused, or is a member, is unknown again. @returns false where they were neither */
  forgetSender(room: MessagingGroupId, user: string): boolean {
    const { db } = this.#parts.store;
    const members = db.run("DELETE FROM members WHERE messaging_group_id=? AND user_id=?", room, user);
    return members + db.run("DELETE FROM refused_senders WHERE hash=?", this.#hash(room, user)) > 0;
  }

  #ask(event: ChannelEvent, room: MessagingGroup): Approval {
    const { approvals, clock } = this.#parts;
    const name = oneLine(event.userName, MOST_SHOWN.name) || "Somebody without a name";
    const who = `${name} (${oneLine(event.user, 100)})`;
    const place = `${room.channel}:${oneLine(room.chat, 100)}`;
    return approvals.ask({
      ...{ kind: KIND, agentGroup: null, session: null, choices: CHOICES },
      payload: { room: room.id, user: event.user, name },
      title: `${who} wants to speak in ${place}`,
      text: `${who} wrote in ${place}, and is not known there:\n\n${quoted(event.text)}\n\nMay they speak to the agent there? Until you say so it hears nothing of this.`,
      expiresAt: clock.now() + PATIENCE,
    });
  }

  #admit(approval: Approval): void {
    const { store, clock, replay } = this.#parts;
    const { room, user, name } = payload.parse(JSON.parse(approval.payload));
    store.users.put({ id: user as UserId, name, timeZone: null }, clock.now());
    store.users.addMember(user as UserId, room as MessagingGroupId, clock.now());
    for (const event of this.#held(approval.id)) replay(event);
    this.#drop(approval.id);
  }

  #refuse(approval: Approval): void {
    const { room, user } = payload.parse(JSON.parse(approval.payload));
    this.#parts.store.db.run(
      "INSERT OR IGNORE INTO refused_senders (hash, refused_at) VALUES (?,?)",
      ...[this.#hash(room, user), this.#parts.clock.now()],
    );
    this.#forget(approval);
  }

  #forget(approval: Approval): void {
    this.#drop(approval.id);
    this.#parts.approvals.forget(approval);
  }

  /** What was changed or taken back meanwhile is heard as it is now, or not at all. */
  #amend(approval: Approval, event: ChannelEvent): Acceptance {
    const { db } = this.#parts.store;
    const before = this.#held(approval.id).find(({ platformId }) => platformId === event.platformId);
    if (!before) return NOTHING_HELD;
    const now = JSON.stringify({ ...before, text: event.text, files: event.files });
    const which = [approval.id, event.platformId];
    if (event.change === "deleted") db.run("DELETE FROM held_events WHERE approval_id=? AND platform_id=?", ...which);
    else db.run("UPDATE held_events SET event=? WHERE approval_id=? AND platform_id=?", now, ...which);
    return { status: "held", why: `question ${approval.id} has to be answered first` };
  }

  #waiting(room: string, user: string): Approval | null {
    const sameSender = (one: Approval) => {
      const asked = payload.parse(JSON.parse(one.payload));
      return asked.room === room && asked.user === user;
    };
    return this.#asked().find(sameSender) ?? null;
  }

  #asked(): Approval[] {
    return this.#parts.approvals.asked.list("pending", 1000).filter(({ kind }) => kind === KIND);
  }

  #held(approval: number): ChannelEvent[] {
    return this.#parts.store.db
      .all<{ event: string }>("SELECT event FROM held_events WHERE approval_id=? ORDER BY id", approval)
      .map(({ event }) => JSON.parse(event) as ChannelEvent);
  }

  #drop(approval: number): void {
    this.#parts.store.db.run("DELETE FROM held_events WHERE approval_id=?", approval);
  }

  #isRefused(room: string, user: string): boolean {
    const sql = "SELECT 1 FROM refused_senders WHERE hash=?";
    return this.#parts.store.db.get(sql, this.#hash(room, user)) !== undefined;
  }

  /** Who was refused is not kept by name: only who has their name can tell. */
  #hash(room: string, user: string): string {
    const { settings } = this.#parts.store;
    const known = settings.get("strangers:key", z.string());
    const key = known ?? this.#parts.random.token(52);
    if (!known) settings.set("strangers:key", key);
    return createHmac("sha256", key)
      .update(JSON.stringify([room, user]))
      .digest("hex");
  }
}

const NOTHING_HELD: Acceptance = { status: "ignored", why: "nothing of that was heard" };

/** Names are anybody's text: no line breaks, nothing that turns the direction of what follows. */
const oneLine = (text: string, most: number) =>
  text
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, " ")
    .replace(/[`*_[\]<>]/g, "")
    .trim()
    .slice(0, most)
    .toWellFormed();

function quoted(text: string): string {
  const lines = text.slice(0, MOST_SHOWN.text).split("\n").slice(0, MOST_SHOWN.lines);
  const shown = lines.map((line) => `> ${oneLine(line, MOST_SHOWN.text)}`).join("\n");
  return text.length > MOST_SHOWN.text || text.split("\n").length > MOST_SHOWN.lines ? `${shown}\n> …` : shown;
}
