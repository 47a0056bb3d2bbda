/** The terminal: the channel that is always there. People reach it by the control API, so it has more than a channel has. */
import type { Store } from "../store/store.ts";
import type { Acceptance, Channel, Draft } from "./channel.ts";

/** Whoever can open the control socket: the owner of this account. */
export const TERMINAL_USER = "terminal:owner";

export interface TerminalMessage {
  /** Number in the log, growing over all chats. */
  n: number;
  author: "person" | "agent" | "system";
  from: string;
  text: string;
  at: number;
  /** Numbers of the messages that this one answers. */
  answers: number[];
}

export type TerminalEvent = ({ type: "message" } & TerminalMessage) | ({ type: "draft" } & Draft);

export interface TerminalChat {
  chat: string;
  messages: number;
  lastAt: number | null;
}

export interface Terminal extends Channel {
  /**
   * A person says something. Repeating a key says it once.
   * @throws Retryable while the host starts or stops
   */
  say(chat: string, userName: string, text: string, key: string): Promise<{ n: number; acceptance: Acceptance }>;
  /** The log of a chat above `after`, oldest first; with `tail`, only the last so many. */
  history(chat: string, after: number, tail: number | null): TerminalMessage[];
  /** Calls `follow` for everything that happens in the chat from now on. @returns how to stop it. */
  follow(chat: string, follow: (event: TerminalEvent) => void): () => void;
  /** The latest used first. */
  chats(limit: number): TerminalChat[];
}

/** How the agent of a terminal chat is called. */
export function agentOfChat(store: Store, chat: string): string {
  const room = store.groups.messagingGroup("terminal", chat);
  const wiring = room && store.groups.wirings(room.id)[0];
  return (wiring && store.groups.agentGroup(wiring.agentGroup)?.name) ?? "Agent";
}
