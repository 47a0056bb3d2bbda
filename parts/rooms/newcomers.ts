/**
 * Asks about chats that no agent is in, once each, when somebody there speaks to the agent: whether one is to be there,
 * and which. What is said meanwhile waits, and is heard after a yes as if it had just been said.
 */
import { createHash } from "node:crypto";
import { z } from "zod";
import { createAgentGroup } from "../../src/agents/groups.ts";
import type { Approval, ApprovalKind, Choice } from "../../src/approvals/approvals.ts";
import type { Acceptance, ChannelEvent } from "../../src/channels/channel.ts";
import { type AgentGroupId, type MessagingGroupId, newMessagingGroupId, type UserId } from "../../src/lib/ids.ts";
import type { AgentGroup } from "../../src/store/groups.ts";
import { Waiting, type WaitingParts } from "./waiting.ts";
import { oneLine, person, place, quoted } from "./wording.ts";

const KIND = "room";
/** Agents that a question offers. */
const MOST_OFFERED = 5;
/** What messaging apps send by themselves when somebody opens a chat, with a word of the link that led there. */
const OPENED = /^\/start(@\w+)?(\s|$)/i;

const payload = z.object({
  channel: z.string(),
  chat: z.string(),
  direct: z.boolean(),
  threads: z.boolean(),
  user: z.string(),
  name: z.string(),
  /** Agent groups, in the order of the choices. */
  offered: z.array(z.string()),
});
type Payload = z.infer<typeof payload>;
const payloadOf = (approval: Approval): Payload => payload.parse(JSON.parse(approval.payload));

export interface NewcomersParts extends WaitingParts {
  groupsDir: string;
}

export class Newcomers {
  readonly #parts: NewcomersParts;
  readonly #waiting: Waiting;
  readonly kind: ApprovalKind;

  constructor(parts: NewcomersParts) {
    this.#parts = parts;
    const whoIn = (asked: unknown) => {
      const { channel, chat } = payload.parse(asked);
      return keyOf(channel, chat);
    };
    this.#waiting = new Waiting(parts, { kind: KIND, whoIn, name: "its chat" });
    this.kind = {
      kind: KIND,
      least: "owner",
      onAnswer: (approval, choice) => this.#answered(approval, choice),
      onExpired: (approval) => this.#waiting.forget(approval),
    };
  }

  hold(event: ChannelEvent): Acceptance {
    const { channel, chat } = event.address;
    if (!this.asksIn(channel)) return { status: "ignored", why: "no agent is wired to this chat" };
    if (OPENED.test(event.text.trim())) return { status: "ignored", why: "the chat was only opened" };
    return this.#waiting.hold(keyOf(channel, chat), event, (expiresAt) => this.#ask(event, expiresAt));
  }

  /** Whether a channel's unknown chats are asked about. */
  asksIn(channel: string): boolean {
    return this.#parts.store.settings.get(settingOf(channel), z.boolean()) ?? true;
  }

  setAsksIn(channel: string, asks: boolean): void {
    this.#parts.store.settings.set(settingOf(channel), asks);
  }

  /** What was refused may ask again. @returns false where it was not refused */
  forgive(channel: string, chat: string): boolean {
    return this.#waiting.forgive(keyOf(channel, chat));
  }

  /** Somebody decided about the chat without being asked: what was asked need not wait, and is forgotten. */
  decided(channel: string, chat: string): void {
    this.#waiting.forgive(keyOf(channel, chat));
    const asked = this.#waiting.pending(keyOf(channel, chat));
    if (asked) this.#parts.approvals.hurry(asked.id, 0);
  }

  #ask({ address, direct, user, userName, text }: ChannelEvent, expiresAt: number): Approval {
    const { store, approvals } = this.#parts;
    const { channel, chat } = address;
    const offered = this.#offered();
    const connect = offered.map(({ name, folder }, index) => ({
      ...{ id: `connect-${index + 1}`, label: `Connect to ${oneLine(name, 40)} (${folder})`, grants: true },
    }));
    const choices: Choice[] = [
      ...connect,
      { id: "new", label: "A new agent for it", grants: true },
      { id: "no", label: "No", grants: false },
    ];
    const who = person(userName, user);
    const where = place(channel, chat);
    const what = direct ? "a direct chat" : "a chat";
    const owner = store.users.isOwner(user as UserId) ? " That account is an owner's, by its platform." : "";
    return approvals.ask({
      ...{ kind: KIND, agentGroup: null, session: null, choices, expiresAt },
      payload: {
        ...{ channel, chat, direct, threads: address.thread !== null, user },
        name: oneLine(userName, 60) || "Somebody without a name",
        offered: offered.map(({ id }) => id),
      },
      title: `${who} wants an agent in ${where}`,
      text: `${who} spoke to the agent in ${where}, ${what} that no agent is in:\n\n${quoted(text)}\n\nIs one to be there?${owner} Until you say so none hears anything of this.`,
    });
  }

  /** Agents that may be connected, the one that was used last first. */
  #offered(): AgentGroup[] {
    const { store } = this.#parts;
    return store.db
      .all<{ id: AgentGroupId }>(
        `SELECT g.id FROM agent_groups g LEFT JOIN sessions s ON s.agent_group_id = g.id
         GROUP BY g.id ORDER BY max(s.last_active_at) DESC, g.created_at, g.id LIMIT ?`,
        MOST_OFFERED,
      )
      .flatMap(({ id }) => store.groups.agentGroup(id) ?? []);
  }

  #answered(approval: Approval, { id, grants }: Choice): void {
    const asked = payloadOf(approval);
    const { groups } = this.#parts.store;
    const known = groups.messagingGroup(asked.channel, asked.chat);
    // It was wired otherwise meanwhile: that is not undone by a no.
    const isWired = known !== undefined && groups.wirings(known.id).length > 0;
    if (!grants) {
      if (isWired) this.#waiting.forget(approval);
      else this.#waiting.refuse(approval);
      return;
    }
    const group = this.#groupFor(asked, id);
    const room = known?.id ?? this.#makeRoom(asked);
    if (!groups.wirings(room).some(({ agentGroup }) => agentGroup === group))
      groups.wire(room, {
        agentGroup: group,
        engageMode: asked.direct ? "always" : "mention",
        sessionMode: asked.threads ? "per-thread" : "shared",
      });
    this.#letSpeak(asked, room);
    this.#waiting.admit(approval);
  }

  #groupFor(asked: Payload, choice: string): AgentGroupId {
    const { store, clock, random, groupsDir } = this.#parts;
    const chosen = asked.offered[Number(/^connect-(\d)$/.exec(choice)?.[1]) - 1];
    if (chosen) return chosen as AgentGroupId;
    const folder = this.#freeFolder(asked);
    const provider = this.#offered()[0]?.provider ?? "claude";
    const wanted = { folder, name: folder, provider, model: null, runtime: null };
    return createAgentGroup(store, groupsDir, wanted, random, clock.now()).id;
  }

  /** Made from the channel's id and a hash of the chat: what people call a chat gets nowhere near a path. */
  #freeFolder({ channel, chat }: Payload): string {
    const { groups } = this.#parts.store;
    const hash = createHash("sha256")
      .update(JSON.stringify(keyOf(channel, chat)))
      .digest("hex");
    const plain = `${
      channel
        .toLowerCase()
        .replace(/[^a-z0-9]/g, "")
        .slice(0, 20) || "chat"
    }-${hash.slice(0, 8)}`;
    for (let n = 1; ; n += 1) {
      const folder = n === 1 ? plain : `${plain}-${n}`;
      if (!groups.agentGroupByFolder(folder)) return folder;
    }
  }

  /** Others who speak to the agent in a room where many are have to be let in first. */
  #makeRoom({ channel, chat, direct }: Payload): MessagingGroupId {
    const { store, random } = this.#parts;
    const id = newMessagingGroupId(random);
    const unknownSenderPolicy = direct ? "strict" : "request_approval";
    store.groups.addMessagingGroup({ id, channel, chat, unknownSenderPolicy });
    return id;
  }

  #letSpeak({ user, name }: Payload, room: MessagingGroupId): void {
    const { store, clock } = this.#parts;
    store.users.put({ id: user as UserId, name, timeZone: null }, clock.now());
    store.users.addMember(user as UserId, room, clock.now());
  }
}

/** A room has no id of its own before it is known: three words, so that it is nobody's [room, user]. */
const keyOf = (channel: string, chat: string) => ["room", channel, chat];
const settingOf = (channel: string) => `rooms:asks:${channel}`;
