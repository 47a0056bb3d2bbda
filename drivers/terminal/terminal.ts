/**
 * The terminal as a channel. Its "platform" is a log of messages per chat in the central database: a message is sent
 * once it is in the log, and any number of terminals follow the log from where they last were.
 */

import type {
  Acceptance,
  Capabilities,
  ChannelHost,
  Draft,
  Health,
  OutgoingMessage,
  Receipt,
} from "../../src/channels/channel.ts";
import {
  TERMINAL_USER,
  type Terminal,
  type TerminalChat,
  type TerminalEvent,
  type TerminalMessage,
} from "../../src/channels/terminal.ts";
import type { Clock } from "../../src/lib/clock.ts";
import { Retryable } from "../../src/lib/errors.ts";
import type { Database } from "../../src/lib/sqlite.ts";
import type { Address } from "../../src/store/address.ts";

export class TerminalChannel implements Terminal {
  readonly id = "terminal";
  readonly capabilities: Capabilities = {
    threads: false,
    edits: false,
    reactions: false,
    buttons: false,
    files: false,
    typing: false,
    maxLength: 1_000_000,
    markup: "markdown",
    previews: false,
    idempotency: { kind: "key", validFor: Number.POSITIVE_INFINITY },
  };
  readonly #db: Database;
  readonly #clock: Clock;
  readonly #agentName: (chat: string) => string;
  readonly #followers = new Map<string, Set<(event: TerminalEvent) => void>>();
  /** What the host is taking right now. */
  readonly #underWay = new Set<Promise<Acceptance>>();
  #host: ChannelHost | null = null;

  /** @param agentName how the agent of a chat is called. */
  constructor(db: Database, clock: Clock, agentName: (chat: string) => string) {
    this.#db = db;
    this.#clock = clock;
    this.#agentName = agentName;
  }

  async start(host: ChannelHost): Promise<void> {
    this.#host = host;
  }

  async stop(): Promise<void> {
    this.#host = null;
    this.#followers.clear();
    await Promise.allSettled(this.#underWay);
  }

  health(): Health {
    return this.#host ? { state: "up", detail: "" } : { state: "stopped", detail: "" };
  }

  async say(chat: string, userName: string, text: string, key: string): Promise<{ n: number; acceptance: Acceptance }> {
    if (!this.#host) throw new Retryable("NanoClaw is starting or stopping");
    const at = this.#clock.now();
    const message: Omit<TerminalMessage, "n"> = { author: "person", from: userName, text, at, answers: [] };
    const n = this.#append(chat, message, `person:${key}`);
    const accepting = this.#host.accept({
      address: { channel: this.id, chat, thread: null },
      change: "said",
      platformId: String(n),
      revision: 0,
      user: TERMINAL_USER,
      userName,
      text,
      at,
      mentioned: true,
      direct: true,
      files: [],
    });
    this.#underWay.add(accepting);
    return { n, acceptance: await accepting.finally(() => this.#underWay.delete(accepting)) };
  }

  async send(address: Address, message: OutgoingMessage, key: string): Promise<Receipt> {
    const n = this.#append(
      address.chat,
      {
        author: message.author,
        from: message.author === "agent" ? this.#agentName(address.chat) : "NanoClaw",
        text: message.text,
        at: this.#clock.now(),
        answers: message.answers.map(Number).filter(Number.isInteger),
      },
      `host:${key}`,
    );
    return { platformId: String(n) };
  }

  draft(address: Address, draft: Draft): void {
    this.#tell(address.chat, { type: "draft", ...draft });
  }

  history(chat: string, after: number, tail: number | null): TerminalMessage[] {
    return this.#db
      .all<Omit<TerminalMessage, "answers"> & { answers: string }>(
        `SELECT n, author, name AS "from", text, at, answers FROM
           (SELECT * FROM terminal_messages WHERE chat=? AND n>? ORDER BY n DESC LIMIT ?) ORDER BY n`,
        ...[chat, after, tail ?? -1],
      )
      .map((row) => ({ ...row, answers: JSON.parse(row.answers) as number[] }));
  }

  follow(chat: string, follow: (event: TerminalEvent) => void): () => void {
    const followers = this.#followers.get(chat) ?? new Set();
    this.#followers.set(chat, followers.add(follow));
    return () => {
      followers.delete(follow);
      if (followers.size === 0) this.#followers.delete(chat);
    };
  }

  chats(limit: number): TerminalChat[] {
    return this.#db.all(
      `SELECT chat, count(*) AS messages, max(at) AS lastAt FROM terminal_messages
       GROUP BY chat ORDER BY max(n) DESC LIMIT ?`,
      limit,
    );
  }

  /** Appends to the log, or finds what the same key appended before. */
  #append(chat: string, message: Omit<TerminalMessage, "n">, key: string): number {
    const { author, from, text, at, answers } = message;
    const added = this.#db.get<{ n: number }>(
      `INSERT INTO terminal_messages (chat, author, name, text, answers, at, key) VALUES (?,?,?,?,?,?,?)
       ON CONFLICT (key) DO NOTHING RETURNING n`,
      ...[chat, author, from, text, JSON.stringify(answers), at, key],
    );
    if (added) {
      this.#tell(chat, { type: "message", n: added.n, ...message });
      return added.n;
    }
    const known = this.#db.get<{ n: number }>("SELECT n FROM terminal_messages WHERE key=?", key);
    if (!known) throw new Error(`terminal message ${key} is neither new nor known`);
    return known.n;
  }

  #tell(chat: string, event: TerminalEvent): void {
    for (const follower of this.#followers.get(chat) ?? []) follower(event);
  }
}
