/**
 * Takes events from channels: identify, decide, and put them into the inbox of every session that hears them, all in
 * one transaction. A channel may acknowledge to its platform once `accept` has resolved.
 */
import { z } from "zod";
import type { Role } from "../../api/verb.ts";
import { MAX_TEXT } from "../../protocol/rows.ts";
import type { Actor } from "../access/authorize.ts";
import type { FlowGuard } from "../access/flow-guard.ts";
import type { Approvals } from "../approvals/approvals.ts";
import type { Audit } from "../audit/audit.ts";
import {
  type Acceptance,
  type ButtonPress,
  type ChannelEvent,
  type ChannelHost,
  STOP_BUTTON,
} from "../channels/channel.ts";
import type { Clock } from "../lib/clock.ts";
import { Misuse } from "../lib/errors.ts";
import { newSessionId, type Random, type SessionId, type UserId } from "../lib/ids.ts";
import type { Address } from "../store/address.ts";
import type { MessagingGroup } from "../store/groups.ts";
import type { Hearer, InboundEvent } from "../store/inbox.ts";
import type { Session } from "../store/sessions.ts";
import type { Store } from "../store/store.ts";
import type { Command, Commands } from "./commands.ts";
import { decideRoute, type Target } from "./route.ts";

const id = z.string().min(1).max(300);
const eventSchema = z.object({
  address: z.object({ channel: id, chat: id, thread: id.nullable() }),
  change: z.enum(["said", "edited", "deleted"]),
  platformId: id,
  revision: z.int().min(0),
  user: id,
  userName: z.string().max(200),
  text: z.string().max(MAX_TEXT),
  at: z.int().min(0),
  mentioned: z.boolean(),
  direct: z.boolean(),
  files: z
    .array(z.object({ name: z.string().max(300), type: z.string().max(200), size: z.int().nullable(), ref: id }))
    .max(20),
});

/** Who speaks to an agent without being a person. */
export type Speaker = Pick<InboundEvent, "author" | "userId" | "userName" | "script">;
const SYSTEM: Speaker = { author: "system", userId: "system", userName: "NanoClaw", script: null };

export interface RouterParts {
  store: Store;
  audit: Audit;
  clock: Clock;
  random: Random;
  guard: Pick<FlowGuard, "heard">;
  /** Called after the commit, for each session that has something new. */
  wake(session: SessionId): void;
  /** What people write to the host itself. */
  commands: Commands;
  /** Questions put to people: they answer by a button, or by "/approve". */
  approvals: Pick<Approvals, "typed" | "pressed">;
  /** Keeps what somebody said who is not known in a room, or where no agent is, until it is decided whether they may. */
  hold(event: ChannelEvent, room: MessagingGroup | null): Acceptance;
  /** Whether a direct message was a code that ties its chat to an agent; then all of that is done. */
  pair(event: InboundEvent): boolean;
}

/** Where something was put: a row of a session's inbox. */
export interface Place {
  session: SessionId;
  number: number;
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
    return this.#take(parsed.data);
  }

  /** Takes an event that was held, as part of the open transaction: once, however often it comes. */
  replay(event: ChannelEvent): Acceptance {
    return this.#take(event);
  }

  #take(event: ChannelEvent): Acceptance {
    if (event.change !== "deleted" && event.text.trim() === "" && event.files.length === 0)
      return { status: "ignored", why: "the message is empty" };
    const inbound: InboundEvent = {
      ...event.address,
      platformId: event.platformId,
      revision: event.revision,
      change: event.change,
      author: "person",
      userId: event.user,
      userName: event.userName,
      text: event.text,
      files: event.files,
      script: null,
      saidAt: event.at,
      receivedAt: this.#parts.clock.now(),
    };
    const { store, audit } = this.#parts;
    const { channel, chat } = inbound;
    if (event.change === "said" && event.direct && this.#parts.pair(inbound)) return { status: "accepted" };
    const grants = store.users.grants(event.user as UserId);
    const owner = grants.some(({ role }) => role === "owner");
    const room = store.groups.messagingGroup(channel, chat) ?? null;
    // Others are there, whatever the chat once was: nobody is alone with the agent.
    if (room?.directUser && !event.direct) store.groups.setDirectUser(room.id, null);
    const wirings = room ? store.groups.wirings(room.id, inbound.thread) : [];
    const command = event.change === "said" ? this.#parts.commands.read(event.text) : null;
    if (command?.name === "approve" && (owner || wirings.length > 0))
      return this.#answer(inbound, owner, { kind: "user", id: event.user, grants });
    // Nobody mentions an agent again to take a word back. One that is no longer here has heard the last of it.
    const isHere = (agent: string) => wirings.some(({ agentGroup }) => agentGroup === agent);
    const hearers = event.change === "said" ? [] : store.inbox.hearers(channel, chat, event.platformId);
    const heard = hearers.filter(({ agentGroup }) => isHere(agentGroup));
    const isMember = room !== null && store.users.isMember(event.user as UserId, room.id);
    const hasRole = grants.some(({ agentGroup }) => agentGroup === null || isHere(agentGroup));
    const verdict = decideRoute(event, {
      ...{ room, wirings, heard: heard.length > 0 },
      known: hasRole || isMember,
    });
    const actor = event.user;
    if (!verdict.route) {
      if (verdict.outcome === "held") return this.#parts.hold(event, wirings.length > 0 ? room : null);
      if (verdict.outcome === "refused") {
        const { why } = verdict;
        audit.refuse({ actor, verb: "message.accept", resource: `${channel}:${chat}`, detail: { why } });
      }
      return { status: verdict.outcome, why: verdict.why };
    }
    if (room && event.direct && room.directUser !== event.user) store.groups.setDirectUser(room.id, event.user);
    if (store.inbox.isOutdated(inbound)) return { status: "ignored", why: "a later version of it came first" };
    if (heard.length > 0) return this.#amend(inbound, heard, event.mentioned);
    if (event.change === "deleted") return { status: "ignored", why: "no agent heard that message" };
    const { targets, listeners } = verdict;
    if (targets.length === 0) {
      const noted = this.#enqueue(inbound, [], actor, listeners);
      return noted
        ? { status: "noted", why: "it rides along with what is next said to the agent" }
        : { status: "duplicate" };
    }
    if (command) {
      // Here they may speak.
      const role: Role = isMember ? "member" : "guest";
      const here = targets.map(({ agentGroup }) => ({ role, agentGroup }));
      const by = { kind: "user", id: actor, grants: [...grants, ...here] } as const;
      return this.#command(command, by, inbound, targets);
    }
    return { status: this.#enqueue(inbound, targets, actor, listeners, room) ? "accepted" : "duplicate" };
  }

  /** A button says what a person could have written. */
  async press({ address, user, userName, value }: ButtonPress): Promise<string> {
    const { approvals, store } = this.#parts;
    const answered = approvals.pressed(
      { kind: "user", id: user, grants: store.users.grants(user as UserId) },
      value,
      address,
    );
    if (answered) return answered.ok ? answered.text : `Nothing was decided: ${answered.why}.`;
    if (value !== STOP_BUTTON.value) return "This button no longer does anything.";
    const { clock, random } = this.#parts;
    const room = store.groups.messagingGroup(address.channel, address.chat);
    const acceptance = await this.accept({
      ...{ address, user, userName, change: "said", text: "/stop", files: [], revision: 0 },
      platformId: `press-${random.token(12)}`,
      at: clock.now(),
      mentioned: true,
      direct: room?.directUser === user,
    });
    return acceptance.status === "accepted" ? "Stopping …" : "You can't do that here.";
  }

  /**
   * An edit or a deletion reaches every session that heard the message. By itself a deletion wants no answer, nor does an
   * edit of what wanted none, unless it `mentions` an agent now.
   */
  #amend(event: InboundEvent, heard: Hearer[], mentions: boolean): Acceptance {
    const { store } = this.#parts;
    if (heard.some(({ userId }) => userId !== event.userId))
      return { status: "refused", why: "only its author can change a message" };
    const added = store.db.transaction(() => {
      const eventId = store.inbox.addEvent(event);
      if (eventId === null) return false;
      for (const { session, number, engaged } of heard) {
        const asks = event.change === "edited" ? engaged === 1 || mentions : store.inbox.hasWork(session);
        this.#put(session, eventId, event, asks, number);
      }
      return true;
    });
    return { status: added ? "accepted" : "duplicate" };
  }

  /** "/approve 7 2": whoever may answer is told what came of it; what others say is not kept. */
  #answer(event: InboundEvent, owner: boolean, actor: Actor & { kind: "user" }): Acceptance {
    const { store, approvals } = this.#parts;
    return store.db.transaction(() => {
      const eventId = owner ? store.inbox.addEvent(event) : 0;
      if (eventId === null) return { status: "duplicate" };
      const answered = approvals.typed(actor, event.text, event);
      const text = answered.ok ? answered.text : `Nothing was decided: ${answered.why}.`;
      if (!owner) return { status: "refused", why: text };
      const said = { text, author: "system", key: `approve:${eventId}` } as const;
      store.outbox.add({ ...said, address: event, answers: [event.platformId] }, event.receivedAt);
      return { status: "accepted" };
    });
  }

  #command(command: Command, by: Actor & { kind: "user" }, event: InboundEvent, targets: Target[]): Acceptance {
    const { store, commands } = this.#parts;
    return store.db.transaction(() => {
      const eventId = store.inbox.addEvent(event);
      if (eventId === null) return { status: "duplicate" };
      const text = commands.run(command, by, event, targets);
      const said = { address: event, text, key: `command:${eventId}`, answers: [event.platformId] };
      if (text) store.outbox.notify(said, event.receivedAt);
      return { status: "accepted" };
    });
  }

  /**
   * Lets somebody who is no person say something to an agent, as if it had been said in that conversation.
   * @param author the system itself, whose word counts as such, or what speaks (a task), by its name
   * @param engages false for what only rides along with the next message
   * @returns where it was put; null when that key was said there before
   */
  tell(
    address: Address,
    target: Target,
    text: string,
    key: string,
    author: Partial<Speaker> = {},
    engages = true,
  ): Place | null {
    const now = this.#parts.clock.now();
    const said = { change: "said", saidAt: now, receivedAt: now } as const;
    const event: InboundEvent = {
      files: [],
      ...address,
      ...SYSTEM,
      ...author,
      ...said,
      platformId: key,
      revision: 0,
      text,
    };
    const placed = this.#enqueue(event, engages ? [target] : [], event.userId, engages ? [] : [target]);
    return placed?.[0] ?? null;
  }

  /** @param room where somebody said it, who may have the agents stick to the thread */
  #enqueue(
    event: InboundEvent,
    targets: Target[],
    actor: string,
    listeners: Target[],
    room: MessagingGroup | null = null,
  ): Place[] | null {
    const { store } = this.#parts;
    return store.db.transaction(() => {
      const eventId = store.inbox.addEvent(event);
      if (eventId === null) return null;
      if (room) for (const target of targets) store.groups.engage(room.id, target, event.thread, event.saidAt);
      return [...targets, ...listeners].map((target, index) =>
        this.#put(this.#sessionFor(target, event).id, eventId, event, index < targets.length, null, actor),
      );
    });
  }

  /** Part of the open transaction. */
  #put(
    session: SessionId,
    eventId: number,
    event: InboundEvent,
    engages: boolean,
    about: number | null,
    actor = event.userId,
  ): Place {
    const { store, audit, guard, wake } = this.#parts;
    const number = store.sessions.nextNumber(session, event.receivedAt);
    const detail = { event: eventId, number, ...(about !== null && { [event.change]: about }) };
    const what = { verb: "message.accept", resource: `session:${session}`, decision: "allow", detail } as const;
    store.inbox.enqueue(session, number, eventId, engages, about, audit.append({ actor, ...what, session }));
    guard.heard(session, event);
    if (engages) store.outbox.tellOutcomes(session, number);
    if (engages) store.db.afterCommit(() => wake(session));
    return { session, number };
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
