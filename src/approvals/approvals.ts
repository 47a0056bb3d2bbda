/**
 * Every question put to a person, as its parts see it: asked durably, answered once by somebody who may, with its effect in
 * the transaction of the answer. What keeps, shows and ends questions is parts/approvals.
 */
import type { Role } from "../../api/verbs.ts";
import type { Actor } from "../access/authorize.ts";
import type { AgentGroupId, SessionId } from "../lib/ids.ts";
import type { Address } from "../store/address.ts";
import type { Session } from "../store/sessions.ts";

export interface Choice {
  /** What it means to whoever asked, such as "once". */
  id: string;
  /** What people read. */
  label: string;
  /** Whether it lets happen what was asked for. */
  grants: boolean;
}

export interface Question {
  kind: string;
  agentGroup: AgentGroupId | null;
  /** Whose request it is: it is asked in that conversation, if whoever may answer is alone there with the agent. */
  session: Session | null;
  /** What is asked for, whole: the answer is about this and nothing else. */
  payload: Record<string, unknown>;
  /** One line, for lists and for what is left of the question once it was answered. */
  title: string;
  text: string;
  choices: Choice[];
  expiresAt: number;
}

export interface Approval extends Omit<Question, "session" | "payload"> {
  /** Short, so that it can be typed. */
  id: number;
  session: SessionId | null;
  /** JSON with sorted keys, and its SHA-256 as hex. */
  payload: string;
  hash: string;
  state: "pending" | "granted" | "denied" | "expired" | "void";
  /** Where it was asked; null where there is no such place, and `ncl approvals` alone shows it. */
  address: Address | null;
  askedAt: number;
  choice: string | null;
  answeredBy: string | null;
  answeredAt: number | null;
  usedAt: number | null;
}

/** What can be asked, registered by whoever asks it. */
export interface ApprovalKind {
  kind: string;
  /** What it takes to answer. */
  least: Role;
  /** The effect of an answer, in its transaction. */
  onAnswer(approval: Approval, choice: Choice): void;
  /** Nobody answered, in the transaction that ends it. */
  onExpired(approval: Approval): void;
}

/** `text` says what was decided by whom, `why` why nothing was. */
export type Answered = { ok: true; text: string } | { ok: false; why: string };

/** What was asked before, and what became of it. */
export interface Asked {
  /** The latest first. */
  list(state: Approval["state"] | null, limit: number): Approval[];
  pending(kind: string, hash: string): Approval | undefined;
  wasDenied(kind: string, hash: string, since: number): boolean;
  /** Uses up a grant that is good for one time and was given after `since`. @returns its id; null where there is none */
  use(kind: string, hash: string, choice: string, since: number, now: number): number | null;
  /** How many of a session wait, and how many were asked since. */
  counts(kind: string, session: SessionId, since: number): { open: number; asked: number };
}

export interface Approvals {
  readonly asked: Asked;
  /** By which the very same thing is found again. */
  hashOf(payload: Question["payload"]): string;
  register(kind: ApprovalKind): void;
  /** Asks; the very same thing is asked once. @returns the question, perhaps one that waits already */
  ask(question: Question): Approval;
  /** "/approve 7 2". @param from where it was typed */
  typed(actor: Actor, text: string, from: Address): Answered;
  /** A press; null where it is none of a question's buttons. */
  pressed(actor: Actor, value: string, from: Address): Answered | null;
  /** Whoever wanted to know is gone: it need not wait for longer than this, milliseconds. */
  hurry(id: number, ms: number): void;
  /** What was said in a question is to be gone; that it was asked stays. */
  forget(approval: Approval): void;
}
