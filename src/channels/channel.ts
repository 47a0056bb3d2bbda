/**
 * The contract between NanoClaw and a messaging platform. A channel turns what the platform says into events
 * and acknowledges them to the platform only after `host.accept` resolved; it sends messages and answers each with
 * a receipt or with one of three errors, by who must act (see errors.ts).
 */
import type { z } from "zod";
import type { Address } from "../store/address.ts";

export interface Capabilities {
  threads: boolean;
  edits: boolean;
  reactions: boolean;
  buttons: boolean;
  files: boolean;
  typing: boolean;
  /** Longest text of one message in UTF-16 code units. */
  maxLength: number;
  markup: "markdown" | "html" | "none";
  /**
   * What the platform offers against sending twice: a key that it remembers for `validFor` milliseconds, a way to look
   * whether a message arrived, or nothing.
   */
  idempotency: { kind: "key"; validFor: number } | { kind: "reconcile" } | { kind: "none" };
}

/** Something that happened in a chat, as the channel saw it. */
export interface ChannelEvent {
  address: Address;
  /** The platform's own id of the message, unique within its chat. */
  platformId: string;
  /** 0 for a new message; each edit has a higher one. */
  revision: number;
  /** `channel:handle` of the author, as the platform confirms it. */
  user: string;
  userName: string;
  text: string;
  /** When it was said, milliseconds since the epoch. */
  at: number;
  /** The platform confirms that the agent was mentioned, or this is a direct chat with it. */
  mentioned: boolean;
}

/** What became of an event. `accepted` means that it is durable and will end visibly. */
export type Acceptance =
  | { status: "accepted" }
  | { status: "duplicate" }
  | { status: "ignored"; why: string }
  | { status: "refused"; why: string };

export interface ChannelHost {
  /** Resolves after the commit that records the event. Throws only when nothing was recorded. */
  accept(event: ChannelEvent): Promise<Acceptance>;
}

export interface OutgoingMessage {
  text: string;
  /** `system` for notices of the host itself, so that a channel can make them look different. */
  author: "agent" | "system";
  /** Platform ids of the messages that this one answers. */
  answers: string[];
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
  detail: string;
}

export interface Channel {
  readonly id: string;
  readonly capabilities: Capabilities;
  /** The credentials that it needs, as a schema; null for none. */
  readonly credentials: z.ZodObject | null;
  start(host: ChannelHost): Promise<void>;
  stop(): Promise<void>;
  health(): Health;
  /** Resolves to a receipt, or throws Retryable, Rejected or Unknown. Repeating a `key` never shows a message twice
   * where `capabilities.idempotency` says so. */
  send(address: Address, message: OutgoingMessage, key: string): Promise<Receipt>;
  /** Shows what is being written. Best effort: never throws, never waits. */
  draft?(address: Address, draft: Draft): void;
}
