/**
 * Takes events from channels: identify, decide, and put them into the inbox of every session that hears them, all in
 * one transaction. A channel may acknowledge to its platform once `accept` has resolved.
 */
import { z } from "zod";
import { MAX_TEXT } from "../../protocol/rows.ts";
import type { Audit } from "../audit/audit.ts";
import type { Acceptance, ChannelEvent, ChannelHost } from "../channels/channel.ts";
import type { Clock } from "../lib/clock.ts";
import { Misuse } from "../lib/errors.ts";
import { newSessionId, type Random, type SessionId, type UserId } from "../lib/ids.ts";
import type { Address } from "../store/address.ts";
import type { InboundEvent } from "../store/inbox.ts";
import type { Session } from "../store/sessions.ts";
import type { Store } from "../store/store.ts";
import type { Place } from "../store/tasks.ts";
import { decideRoute, type Target } from "./route.ts";

const id = z.string().min(1).max(300);
const eventSchema = z.object({
  address: z.object({ channel: id, chat: id, thread: id.nullable() }),
  platformId: id,
  revision: z.int().min(0),
  user: id,
  userName: z.string().max(200),
  text: z.string().max(MAX_TEXT),
  at: z.int().min(0),
  mentioned: z.boolean(),
});

export interface RouterParts {
  store: Store;
  audit: Audit;
  clock: Clock;
  random: Random;
  /** Called after the commit, for each session that has something new. */
  wake(session: SessionId): void;
}

export class Router implements ChannelHost {
  readonly #parts: RouterParts;
  constructor(parts: RouterParts) {
    this.#parts = parts;
  }

  /** @throws Misuse for an event that no channel should make; nothing of it was kept. */
  async accept(input: ChannelEvent): Promise<Acceptance> {
    const parsed = eventSchema.safeParse(input);
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      throw new Misuse(`the message can't be taken: ${issue?.path.join(".")}: ${issue?.message}`);
    }
    const event = parsed.data;
    if (event.text.trim() === "") return { status: "ignored", why: "the message is empty" };
    const { store, audit } = this.#parts;
    const { channel, chat } = event.address;
    const room = store.groups.messagingGroup(channel, chat) ?? null;
    const verdict = decideRoute(event, {
      room,
      wirings: room ? store.groups.wirings(room.id) : [],
      known: store.users.isOwner(event.user as UserId),
    });
    const actor = event.user;
    if (!verdict.route) {
      if (verdict.outcome === "refused") {
        audit.append({
          actor,
          verb: "message.accept",
          resource: `${channel}:${chat}`,
          decision: "deny",
          detail: { why: verdict.why },
        });
      }
      return { status: verdict.outcome, why: verdict.why };
    }
    const inbound: InboundEvent = {
      ...event.address,
      platformId: event.platformId,
      revision: event.revision,
      author: "person",
      userId: event.user,
      userName: event.userName,
      text: event.text,
      saidAt: event.at,
      receivedAt: this.#parts.clock.now(),
    };
    return { status: this.#enqueue(inbound, verdict.targets, actor) ? "accepted" : "duplicate" };
  }

  /**
   * Lets the system say something to an agent, as if it had been said in that conversation.
   * @returns where it was put; null when that key was said there before
   */
  tell(address: Address, target: Target, text: string, key: string): Place | null {
    const now = this.#parts.clock.now();
    const author = { author: "system", userId: "system", userName: "NanoClaw" } as const;
    const event = { ...address, ...author, platformId: key, revision: 0, text, saidAt: now, receivedAt: now };
    return this.#enqueue(event, [target], "system")?.[0] ?? null;
  }

  #enqueue(event: InboundEvent, targets: Target[], actor: string): Place[] | null {
    const { store, audit } = this.#parts;
    return store.db.transaction(() => {
      const eventId = store.inbox.addEvent(event);
      if (eventId === null) return null;
      return targets.map((target) => {
        const session = this.#sessionFor(target, event);
        const number = store.sessions.nextNumber(session.id, event.receivedAt);
        store.inbox.enqueue(session.id, number, eventId, true);
        audit.append({
          actor,
          verb: "message.accept",
          resource: `session:${session.id}`,
          decision: "allow",
          detail: { event: eventId, number },
        });
        store.db.afterCommit(() => this.#parts.wake(session.id));
        return { session: session.id, number };
      });
    });
  }

  /** The session of a conversation; made when it speaks for the first time. */
  #sessionFor(target: Target, event: InboundEvent): Session {
    const { store, random } = this.#parts;
    const known = store.sessions.byConversation(target.agentGroup, target.conversation);
    if (known) return known;
    const session: Session = {
      id: newSessionId(random),
      agentGroup: target.agentGroup,
      conversation: target.conversation,
      channel: event.channel,
      chat: event.chat,
      thread: target.thread,
      runtime: null,
      outboundCursor: 0,
      lastActiveAt: event.receivedAt,
    };
    store.sessions.add(session);
    return session;
  }
}
