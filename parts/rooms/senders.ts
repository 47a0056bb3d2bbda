/** Asks about people who are not known in a room, once each; what they say meanwhile waits. */
import { z } from "zod";
import type { Approval, ApprovalKind, Choice } from "../../src/approvals/approvals.ts";
import type { Acceptance, ChannelEvent } from "../../src/channels/channel.ts";
import type { MessagingGroupId, UserId } from "../../src/lib/ids.ts";
import type { MessagingGroup } from "../../src/store/groups.ts";
import { Waiting, type WaitingParts } from "./waiting.ts";
import { oneLine, person, place, quoted } from "./wording.ts";

const KIND = "sender";
const CHOICES: Choice[] = [
  { id: "yes", label: "Yes, here", grants: true },
  { id: "no", label: "No", grants: false },
];
const payload = z.object({ room: z.string(), user: z.string(), name: z.string() });
const payloadOf = (approval: Approval) => payload.parse(JSON.parse(approval.payload));

export class Senders {
  readonly #parts: WaitingParts;
  readonly #waiting: Waiting;
  readonly kind: ApprovalKind;

  constructor(parts: WaitingParts) {
    this.#parts = parts;
    const whoIn = (asked: unknown) => {
      const { room, user } = payload.parse(asked);
      return [room, user];
    };
    this.#waiting = new Waiting(parts, { kind: KIND, whoIn, name: "its author" });
    this.kind = {
      kind: KIND,
      least: "owner",
      onAnswer: (approval, { grants }) => (grants ? this.#admit(approval) : this.#waiting.refuse(approval)),
      onExpired: (approval) => this.#waiting.forget(approval),
    };
  }

  hold(event: ChannelEvent, room: MessagingGroup): Acceptance {
    return this.#waiting.hold([room.id, event.user], event, (expiresAt) => this.#ask(event, room, expiresAt));
  }

  /** Somebody who was refused, or is a member, is unknown again. @returns false where they were neither */
  forget(room: MessagingGroupId, user: string): boolean {
    const { db } = this.#parts.store;
    const members = db.run("DELETE FROM members WHERE messaging_group_id=? AND user_id=?", room, user);
    return this.#waiting.forgive([room, user]) || members > 0;
  }

  #ask(event: ChannelEvent, room: MessagingGroup, expiresAt: number): Approval {
    const who = person(event.userName, event.user);
    const where = place(room.channel, room.chat);
    return this.#parts.approvals.ask({
      ...{ kind: KIND, agentGroup: null, session: null, choices: CHOICES, expiresAt },
      payload: { room: room.id, user: event.user, name: oneLine(event.userName, 60) || "Somebody without a name" },
      title: `${who} wants to speak in ${where}`,
      text: `${who} wrote in ${where}, and is not known there:\n\n${quoted(event.text)}\n\nMay they speak to the agent there? Until you say so it hears nothing of this.`,
    });
  }

  #admit(approval: Approval): void {
    const { store, clock } = this.#parts;
    const { room, user, name } = payloadOf(approval);
    store.users.put({ id: user as UserId, name, timeZone: null }, clock.now());
    store.users.addMember(user as UserId, room as MessagingGroupId, clock.now());
    this.#waiting.admit(approval);
  }
}
