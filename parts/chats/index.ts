/** What the verbs of the terminal channel do: `chat.*` and `claw.open`. */

import type { ChatEvent } from "../../api/results.ts";
import { TERMINAL_USER, type Terminal, type TerminalEvent } from "../../src/channels/terminal.ts";
import type { Effects } from "../../src/control/execute.ts";
import type { Clock } from "../../src/lib/clock.ts";
import { Misuse } from "../../src/lib/errors.ts";
import { newMessagingGroupId, newSessionId, type Random, type SessionId, type UserId } from "../../src/lib/ids.ts";
import type { Supervisor } from "../../src/sessions/supervisor.ts";
import type { AgentGroup } from "../../src/store/groups.ts";
import type { Session } from "../../src/store/sessions.ts";
import type { Store } from "../../src/store/store.ts";

/** Lines that wait for a slow follower; beyond, it is told to come back with its cursor. */
const MAX_WAITING = 10_000;

export interface ChatParts {
  store: Store;
  clock: Clock;
  random: Random;
  terminal: Terminal;
  supervisor: Supervisor;
}

export function chatEffects(
  parts: ChatParts,
): Pick<Effects, "chat.send" | "chat.follow" | "chat.stop" | "chat.list" | "claw.open"> {
  const { store, terminal } = parts;
  const groupOf = (chat: string): AgentGroup | undefined => {
    const room = store.groups.messagingGroup("terminal", chat);
    const wiring = room && store.groups.wirings(room.id)[0];
    return wiring && store.groups.agentGroup(wiring.agentGroup);
  };
  return {
    "chat.send": async ({ chat, text, key }) => {
      if (text.trim() === "") throw new Misuse("the message is empty", "Write something.");
      if (!groupOf(chat)) {
        throw new Misuse(
          `no agent listens in the chat "${chat}"`,
          "`ncl chat list` shows the chats; `ncl groups init` makes the first agent.",
        );
      }
      const name = store.users.user(TERMINAL_USER as UserId)?.name ?? "You";
      const { n, acceptance } = await terminal.say(chat, name, text, key);
      if (acceptance.status === "accepted" || acceptance.status === "duplicate")
        return { n, status: acceptance.status };
      if (acceptance.status === "noted")
        throw new Misuse("no agent answers that by itself", `It was kept: ${acceptance.why}.`);
      throw new Misuse(`the message was not taken: ${acceptance.why}`);
    },
    "chat.follow": ({ chat, after, tail }, { signal }) =>
      follow(terminal, chat, after ?? 0, after === undefined ? (tail ?? 20) : null, signal),
    "chat.stop": ({ chat }, { record }) => {
      const group = groupOf(chat);
      const here = { channel: "terminal", chat, thread: null };
      const working = (group ? store.sessions.speakingIn(group.id, `terminal/${chat}`, here) : []).filter(({ id }) =>
        store.inbox.hasWork(id),
      );
      if (working.length === 0) return { stopped: false };
      return record(`chat:${chat}`, () => {
        for (const { id } of working) {
          store.sessions.stop(id);
          store.db.afterCommit(() => parts.supervisor.stopWork(id));
        }
        return { stopped: true };
      });
    },
    "chat.list": ({ limit }) =>
      terminal.chats(limit).map((chat) => ({ ...chat, group: groupOf(chat.chat)?.folder ?? "" })),
    "claw.open": ({ group: folder, session: wanted, runtime }, { record }) => {
      if (wanted) return reopened(store, wanted);
      const group = folder ? store.groups.agentGroupByFolder(folder) : store.groups.agentGroups()[0];
      if (!group) throw new Misuse(`there is no agent group "${folder ?? ""}"`, "`claw --list-groups` shows them.");
      return record(`agent group:${group.id}`, () => openClaw(parts, group, runtime ?? null));
    },
  };
}

function reopened(store: Store, id: string) {
  const session = store.sessions.session(id as SessionId);
  const group = session && store.groups.agentGroup(session.agentGroup);
  if (!session || !group || session.channel !== "terminal") {
    throw new Misuse(`there is no terminal session "${id}"`, "`ncl sessions list` shows them.");
  }
  return { session: session.id, chat: session.chat, group: group.folder };
}

/** A chat of its own, wired to the agent, and the session that will answer in it. */
function openClaw({ store, clock, random }: ChatParts, group: AgentGroup, runtime: string | null) {
  const chat = `claw-${random.token(8)}`;
  const room = newMessagingGroupId(random);
  const terminal = { channel: "terminal", unknownSenderPolicy: "strict", directUser: TERMINAL_USER } as const;
  store.groups.addMessagingGroup({ ...terminal, id: room, chat });
  store.groups.wire(room, { agentGroup: group.id, engageMode: "always", sessionMode: "shared" });
  const session: Session = {
    id: newSessionId(random),
    agentGroup: group.id,
    conversation: `terminal/${chat}`,
    channel: "terminal",
    chat,
    thread: null,
    runtime: runtime === "default" ? null : runtime,
    outboundCursor: 0,
    lastActiveAt: clock.now(),
  };
  store.sessions.add(session);
  return { session: session.id, chat, group: group.folder };
}

/** The log from the cursor on, then what happens; ends when the caller hangs up. */
async function* follow(
  terminal: Terminal,
  chat: string,
  after: number,
  tail: number | null,
  signal: AbortSignal,
): AsyncGenerator<ChatEvent> {
  const waiting: TerminalEvent[] = [];
  let wake = () => {};
  const unfollow = terminal.follow(chat, (event) => {
    waiting.push(event);
    wake();
  });
  const hungUp = () => wake();
  signal.addEventListener("abort", hungUp);
  try {
    let cursor = after;
    for (const message of terminal.history(chat, after, tail)) {
      cursor = message.n;
      yield { type: "message", ...message };
    }
    yield { type: "idle" };
    while (!signal.aborted) {
      const event = waiting.shift();
      if (waiting.length > MAX_WAITING) {
        yield {
          type: "error",
          code: "failed",
          message: "this follower is too slow",
          hint: "Follow again after the last number.",
        };
        return;
      }
      if (!event)
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      // What was in the log already when it was read may also have come live.
      else if (event.type === "draft" || event.n > cursor) yield event;
    }
  } finally {
    unfollow();
    signal.removeEventListener("abort", hungUp);
  }
}
