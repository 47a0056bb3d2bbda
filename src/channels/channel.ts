/**
 * The contract between NanoClaw and a messaging platform. A channel turns what the platform says into events
 * and acknowledges them to the platform only after `host.accept` resolved; it sends messages and answers each with
 * a receipt or with one of three errors, by who must act (see errors.ts).
 */
import type { z } from "zod";
import type { Clock } from "../lib/clock.ts";
import type { Random } from "../lib/ids.ts";
import type { Log } from "../lib/log.ts";
import type { Address } from "../store/address.ts";
import type { IncomingFile } from "../store/inbox.ts";
import type { Button, OutgoingFile } from "../store/outbox.ts";

export type { Button, IncomingFile, OutgoingFile };

export interface Capabilities {
  threads: boolean;
  /** It has `edit`, and what is edited is shown to people as they read. */
  edits: boolean;
  reactions: boolean;
  buttons: boolean;
  files: boolean;
  typing: boolean;
  /** Longest text of one message in UTF-16 code units. */
  maxLength: number;
  markup: "markdown" | "html" | "none";
  /**
   * The platform asks by itself for addresses that stand in a message, to show a preview or a picture. False also where
   * it could, and the channel keeps it from that in all that it sends and changes.
   */
  previews: boolean;
  /**
   * What the platform offers against sending twice: a key that it remembers for `validFor` milliseconds, a way to look
   * whether a message arrived, or nothing.
   */
  idempotency: { kind: "key"; validFor: number } | { kind: "reconcile" } | { kind: "none" };
}

/** Something that happened in a chat, as the channel saw it. */
export interface ChannelEvent {
  address: Address;
  /** What happened to the message: a deletion has no text. */
  change: "said" | "edited" | "deleted";
  /** The platform's own id of the message, unique within its chat; the same for its edits and its deletion. */
  platformId: string;
  /** 0 for a new message; each edit and the deletion has a higher one, e.g. its time. */
  revision: number;
  /** `channel:handle` of the author, as the platform confirms it. */
  user: string;
  userName: string;
  text: string;
  /** When it was said, milliseconds since the epoch. */
  at: number;
  /** The platform confirms that the agent was mentioned, or this is a direct chat with it. */
  mentioned: boolean;
  /** Nobody but this user and the agent reads the chat. */
  direct: boolean;
  files: IncomingFile[];
}

/** Somebody pressed a button that a message had. */
export interface ButtonPress {
  address: Address;
  user: string;
  userName: string;
  /** What `Button.value` said. */
  value: string;
}

/** What became of an event. `accepted` means that it is durable and will end visibly. */
export type Acceptance =
  | { status: "accepted" }
  | { status: "duplicate" }
  /** It is durable, wants no answer, and is told to an agent with what next does. */
  | { status: "noted"; why: string }
  | { status: "ignored"; why: string }
  /** It is durable, and waits until its author is known or refused. */
  | { status: "held"; why: string }
  | { status: "refused"; why: string };

export interface ChannelHost {
  /** Resolves after the commit that records the event. Throws only when nothing was recorded. */
  accept(event: ChannelEvent): Promise<Acceptance>;
  /** @returns what to show to whoever pressed, in a few words. */
  press(press: ButtonPress): Promise<string>;
}

/** On a draft: stops the turn that writes it. */
export const STOP_BUTTON: Button = { label: "Stop", value: "stop" };

export interface OutgoingMessage {
  /** At most `capabilities.maxLength` long; may be empty where there are files. */
  text: string;
  /** `system` for notices of the host itself, so that a channel can make them look different. */
  author: "agent" | "system";
  /** Platform ids of the messages that this one answers. */
  answers: string[];
  /** Only where `capabilities.files`. */
  files: OutgoingFile[];
  /** One row of them; only where `capabilities.buttons`. */
  buttons: Button[];
}

/** Proof that the platform has a message. */
export interface Receipt {
  platformId: string;
}

/** What is being written now; replaces what was shown for the same turn before. Never durable. */
export interface Draft {
  turn: string;
  text: string;
  /** What the agent is doing, in one line; empty when it is writing. */
  activity: string;
}

export interface Health {
  state: "starting" | "up" | "down" | "stopped";
  /** For people: what it is connected as, or why it is down and what to do. */
  detail: string;
}

export interface Channel {
  readonly id: string;
  readonly capabilities: Capabilities;
  /**
   * Resolves once it is connected, or at least tries to by itself. @throws Misuse where it can't work as it is set up
   * (wrong credential); the message and hint are shown to the owner.
   */
  start(host: ChannelHost): Promise<void>;
  /** Takes nothing more in; resolves when no call of the host is under way. */
  stop(): Promise<void>;
  health(): Health;
  /**
   * Resolves to a receipt, or throws Retryable (not sent, may be tried again), Rejected (not sent, never will be) or
   * Unknown (it may have been sent). Repeating a `key` never shows a message twice where `capabilities.idempotency`
   * says so.
   */
  send(address: Address, message: OutgoingMessage, key: string): Promise<Receipt>;
  /** Where `capabilities.edits`: makes a message that was sent say something else. Repeating it changes nothing. */
  edit?(address: Address, platformId: string, message: OutgoingMessage): Promise<void>;
  /** Where `capabilities.reactions`: sets the agent's one reaction on any message; an empty emoji takes it away. */
  react?(address: Address, platformId: string, emoji: string): Promise<void>;
  /** Where `capabilities.idempotency` is `reconcile`: looks for a message by its key; null where it is not there. */
  reconcile?(address: Address, key: string): Promise<Receipt | null>;
  /** Shows what is being written, by means of the channel's own. Best effort: never throws, never waits. */
  draft?(address: Address, draft: Draft): void;
  /** Where `capabilities.typing`: shows for a few seconds that the agent is at work. Best effort, like `draft`. */
  typing?(address: Address): void;
  /** The bytes of a file that came with a message. Throws like `send`. */
  fetch?(ref: string): Promise<AsyncIterable<Uint8Array>>;
}

/** What a channel that is added as a skill gets. */
export interface ChannelParts {
  /** What its `credentials` schema asked for, from the vault. */
  credentials: Record<string, string>;
  clock: Clock;
  log: Log;
  random: Random;
  /** A small durable store of its own: cursors, message ids. Synchronous, durable when it returns. */
  memory: { get(key: string): string | null; set(key: string, value: string | null): void };
}

/** What the package of a channel exports as `channel`. */
export interface ChannelPackage {
  id: string;
  /** What people call the platform. */
  title: string;
  /**
   * One string per credential. `.describe()` is what people are asked for; `.meta({ help, link, secret })` how they come
   * by it. It drives the command line and the dashboard.
   */
  credentials: z.ZodObject<Record<string, z.ZodType<string | undefined>>>;
  open(parts: ChannelParts): Channel;
}
