/**
 * Every question put to a person: asked durably, answered once by somebody who may, with its effect in the transaction of
 * the answer. An answer is bound to the hash of what was shown; what is not answered in time expires.
 */
import { type Actor, actorName, authorize } from "../../src/access/authorize.ts";
import type { Answered, Approval, ApprovalKind, Approvals, Choice, Question } from "../../src/approvals/approvals.ts";
import type { Audit } from "../../src/audit/audit.ts";
import type { Clock, Timer } from "../../src/lib/clock.ts";
import { messageOf } from "../../src/lib/errors.ts";
import type { UserId } from "../../src/lib/ids.ts";
import type { Log } from "../../src/lib/log.ts";
import { type Address, addressOf } from "../../src/store/address.ts";
import type { Session } from "../../src/store/sessions.ts";
import type { Store } from "../../src/store/store.ts";
import type { History } from "./history.ts";
import { buttonsFor, payloadOf, readPressed, readTyped, type Typed } from "./wording.ts";

/** The longest sleep: after it the wall clock is looked at again. */
const LONGEST_SLEEP = 60_000;
const AFTER_TROUBLE = 10_000;

export interface QuestionsParts {
  store: Store;
  history: History;
  audit: Audit;
  clock: Clock;
  log: Log;
  /** Whether a channel can change what it sent. */
  edits(channel: string): boolean;
}

export class Questions implements Approvals {
  readonly asked: History;
  readonly #parts: QuestionsParts;
  readonly #kinds = new Map<string, ApprovalKind>();
  #timer: Timer | null = null;
  #running = false;

  constructor(parts: QuestionsParts) {
    this.#parts = parts;
    this.asked = parts.history;
  }

  hashOf(payload: Question["payload"]): string {
    return payloadOf(payload).hash;
  }

  register(kind: ApprovalKind): void {
    this.#kinds.set(kind.kind, kind);
  }

  /** Ends what expired while no host ran, and what nobody here asks any more. */
  start(): void {
    const { history, clock } = this.#parts;
    this.#running = true;
    for (const one of history.due(Number.MAX_SAFE_INTEGER))
      if (!this.#kinds.has(one.kind)) this.#end(one, "void", clock.now());
    this.#look();
  }

  stop(): void {
    this.#running = false;
    this.#timer?.cancel();
  }

  ask({ payload, session, ...question }: Question): Approval {
    const { store, history, audit, clock } = this.#parts;
    const { text: canonical, hash } = payloadOf(payload);
    return store.db.transaction(() => {
      const known = history.pending(question.kind, hash);
      if (known) return known;
      const now = clock.now();
      const address = this.#placeFor(session);
      const row = { ...question, session: session?.id ?? null, payload: canonical, hash, address };
      const id = history.add({ ...row, askedAt: now });
      const detail = { kind: question.kind, hash, session: row.session };
      const actor = question.agentGroup ? `agent:${question.agentGroup}` : "system";
      audit.append({ actor, verb: "approvals.ask", resource: `approval:${id}`, decision: "fact", detail });
      const buttons = buttonsFor(id, hash, question.choices);
      const text = `Question ${id}: ${question.text}`;
      if (address) store.outbox.add({ address, author: "system", text, key: keyOf(id), buttons }, now);
      store.db.afterCommit(() => this.#lookIn(0));
      return { ...row, id, state: "pending", askedAt: now, ...UNANSWERED };
    });
  }

  /** @param from where it was typed or pressed; null for the command line */
  answer(actor: Actor, { id, choice: named, hash }: Typed, from: Address | null): Answered {
    const { store, history, audit, clock } = this.#parts;
    return store.db.transaction(() => {
      const now = clock.now();
      const approval = history.approval(id);
      const verdict = this.#judge(actor, approval, named, hash, from, now);
      const resource = `approval:${id}`;
      const entry = { actor: actorName(actor), verb: "approvals.answer", resource };
      if (!approval || !("choice" in verdict)) {
        const why = "why" in verdict ? verdict.why : "";
        audit.append({ ...entry, decision: "deny", detail: { why } });
        return { ok: false, why };
      }
      const { choice, kind } = verdict;
      history.end(id, choice.grants ? "granted" : "denied", entry.actor, choice.id, now);
      const detail = { kind: approval.kind, choice: choice.id, hash: approval.hash };
      audit.append({ ...entry, decision: "allow", detail });
      kind.onAnswer(approval, choice);
      const text = `${approval.title}: ${choice.label}, says ${this.#nameOf(actor)}.`;
      this.#settle(approval, text, from, now);
      return { ok: true, text };
    });
  }

  typed(actor: Actor, text: string, from: Address): Answered {
    const answer = readTyped(text);
    if (answer) return this.answer(actor, answer, from);
    return { ok: false, why: "write it as /approve 7 2, with the numbers of question and answer" };
  }

  pressed(actor: Actor, value: string, from: Address): Answered | null {
    const answer = readPressed(value);
    return answer && this.answer(actor, answer, from);
  }

  hurry(id: number, ms: number): void {
    const { history, clock, log } = this.#parts;
    try {
      history.expireBy(id, clock.now() + ms);
      this.#lookIn(0);
    } catch (error) {
      // It is called where nobody could hear of that; then the question has its whole time.
      log.warn({ question: id, error: messageOf(error) }, "a question could not be shortened");
    }
  }

  forget({ id, title }: Approval): void {
    this.#parts.history.forgetText(id);
    this.#parts.store.outbox.reword(keyOf(id), title);
  }

  #judge(
    actor: Actor,
    approval: Approval | undefined,
    named: string,
    hash: string | null,
    from: Address | null,
    now: number,
  ): { choice: Choice; kind: ApprovalKind } | { why: string } {
    if (!approval) return { why: "there is no such question" };
    const { kind: name, agentGroup, address, state, choices } = approval;
    const kind = this.#kinds.get(name);
    const needs = { least: kind?.least ?? "owner", agents: false } as const;
    const whose = agentGroup === null ? ({ of: "all" } as const) : ({ of: "group", id: agentGroup } as const);
    const { allow, why } = authorize(actor, "approvals.answer", needs, whose);
    if (!allow) return { why };
    if (hash !== null && !approval.hash.startsWith(hash)) return { why: "this button belongs to another question" };
    if (hash !== null && (from?.channel !== address?.channel || from?.chat !== address?.chat))
      return { why: "it was asked in another chat" };
    if (state === "expired" || (state === "pending" && approval.expiresAt <= now))
      return { why: "nobody answered in time, and it no longer waits" };
    if (state !== "pending" || !kind) return { why: "it was answered before" };
    const choice = choices[Number(named) - 1] ?? choices.find(({ id }) => id === named);
    return choice ? { choice, kind } : { why: `it has no answer "${named}"` };
  }

  /** What is left of a question once it has its end: its buttons are gone, and it says what became of it. */
  #settle({ address, id }: Approval, text: string, from: Address | null, now: number): void {
    const { store, edits } = this.#parts;
    if (!address) return;
    const asked = store.outbox.byKey(keyOf(id));
    const said = { address, author: "system", text, key: `approval:${id}:end` } as const;
    if (asked && edits(address.channel)) {
      if (asked.state !== "dead" && asked.state !== "unknown")
        store.outbox.add({ ...said, kind: "edit", over: asked.id }, now);
    } else if (from?.channel !== address.channel || from.chat !== address.chat) store.outbox.add(said, now);
  }

  #end(approval: Approval, state: "expired" | "void", now: number): void {
    const { store, history, audit } = this.#parts;
    store.db.transaction(() => {
      if (!history.end(approval.id, state, null, null, now)) return;
      const detail = { kind: approval.kind, state };
      const resource = `approval:${approval.id}`;
      audit.append({ actor: "system", verb: "approvals.end", resource, decision: "fact", detail });
      this.#kinds.get(approval.kind)?.onExpired(approval);
      this.#settle(approval, `${approval.title}: nobody answered in time.`, null, now);
    });
  }

  #lookIn(ms: number): void {
    if (!this.#running) return;
    this.#timer?.cancel();
    this.#timer = this.#parts.clock.after(ms, () => this.#look());
  }

  #look(): void {
    const { history, clock, log } = this.#parts;
    try {
      for (const one of history.due(clock.now())) this.#end(one, "expired", clock.now());
      const next = history.nextExpiry();
      if (next !== null) this.#lookIn(Math.min(Math.max(next - clock.now(), 0), LONGEST_SLEEP));
    } catch (error) {
      log.error({ error: messageOf(error) }, "questions could not be looked after");
      this.#lookIn(AFTER_TROUBLE);
    }
  }

  /** In the conversation that it is about, where an owner is alone with the agent; else where an owner last was. */
  #placeFor(session: Session | null): Address | null {
    const { groups, users } = this.#parts.store;
    const room = session && groups.messagingGroup(session.channel, session.chat);
    if (session && room?.directUser && users.isOwner(room.directUser as UserId)) return addressOf(session);
    const chat = groups.ownersChats()[0];
    return chat ? { ...chat, thread: null } : null;
  }

  #nameOf(actor: Actor): string {
    if (actor.kind !== "user") return "the operator";
    return this.#parts.store.users.user(actor.id as UserId)?.name ?? actor.id;
  }
}

/** Of the outbox row that asks. */
const keyOf = (id: number) => `approval:${id}`;
const UNANSWERED = { choice: null, answeredBy: null, answeredAt: null, usedAt: null };
