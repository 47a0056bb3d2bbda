/**
 * Requests that a person is asked about. The request is held; equal ones of one agent share a question; an answer lets one
 * through, or becomes a rule. A yes that comes when nobody waits any more is kept for a while, for one request.
 */
import { checkRule, readPath } from "../../packages/egress-rules/index.ts";
import type { Approval, ApprovalKind, Approvals, Choice } from "../../src/approvals/approvals.ts";
import type { Audit } from "../../src/audit/audit.ts";
import type { DoorSession } from "../../src/gateway/door.ts";
import type { Clock } from "../../src/lib/clock.ts";
import type { SessionId } from "../../src/lib/ids.ts";
import type { Store } from "../../src/store/store.ts";
import { addressOf } from "./explain.ts";
import type { FlowGuard, FlowQuestion } from "./flow.ts";
import { difference } from "./reach.ts";
import type { EgressRule, EgressRules, NewRule } from "./rules.ts";

export const KIND = "egress";
/** Nobody waits for an answer for longer than this, milliseconds. */
export const PATIENCE = 4 * 60_000;
/** What is left of that when the client has gone away. */
const NOBODY_WAITS = 30_000;
/** So long a yes for one request is kept, and a no holds for equal ones. */
const ANSWER_HOLDS = 10 * 60_000;
const MOST_OPEN = 3;
const MOST_ASKED = 10;
const MINUTE = 60_000;
/** What can't be shown whole is not asked, characters. */
const MOST_SHOWN = 1_000;

export interface Held {
  host: string;
  port: number;
  scheme: "https" | "http";
  method: string;
  path: string;
}

export type Outcome =
  /** This one may go, by that question. */
  | { do: "let through"; approval: number }
  /** The rules were changed: decide again. */
  | { do: "decide again" }
  | { do: "refuse"; status: number; why: string };

export interface AskingParts {
  store: Store;
  audit: Audit;
  clock: Clock;
  approvals: Approvals;
  rules: EgressRules;
  guard: Pick<FlowGuard, "waive">;
}

const ONCE: Choice = { id: "once", label: "Once", grants: true };
const SESSION: Choice = { id: "session", label: "In this session", grants: true };
const ALWAYS: Choice = { id: "always", label: "Always", grants: true };
const NO: Choice = { id: "no", label: "No", grants: false };

export class Asking {
  readonly #parts: AskingParts;
  readonly kind: ApprovalKind;
  /** Who waits for which question, in the order in which they came. */
  readonly #waiting = new Map<number, Set<(choice: string | null) => void>>();

  constructor(parts: AskingParts) {
    this.#parts = parts;
    this.kind = {
      kind: KIND,
      least: "owner",
      onAnswer: (approval, choice) => this.#answered(approval, choice),
      onExpired: (approval) => this.#wake(approval.id, null),
    };
  }

  /**
   * Resolves when it is answered, or when that takes too long, or when the client has gone.
   * @param flow why the guard wants to have it asked; null where the rule itself does
   */
  async hold(
    session: DoorSession,
    request: Held,
    rule: EgressRule,
    flow: FlowQuestion | null,
    signal: AbortSignal,
  ): Promise<Outcome> {
    const { approvals, clock } = this.#parts;
    const meets = flow && { flow: { sources: flow.sources, sink: flow.sink } };
    const payload = { agentGroup: session.agentGroup, ...request, ...effectsOf(rule), ...meets };
    const hash = approvals.hashOf(payload);
    const now = clock.now();
    const known = this.#use(session, hash, now);
    if (known) return known;
    if (request.path.length > MOST_SHOWN)
      return refuse(403, "A person is to be asked first, and this address is too long to be shown to one");
    const asked = approvals.asked.pending(KIND, hash);
    const counts = approvals.asked.counts(KIND, session.id as SessionId, now - MINUTE);
    if (!asked && counts.open >= MOST_OPEN)
      return refuse(429, `A person is asked about ${MOST_OPEN} requests of yours already. Wait for the answers`);
    if (!asked && counts.asked >= MOST_ASKED)
      return refuse(429, `A person was asked ${MOST_ASKED} times within a minute. Wait a little`);
    const { id } = asked ?? this.#ask(session, request, rule, flow, payload, now);
    const choice = await this.#answer(id, signal);
    if (choice === "gone") return refuse(499, "The client went away");
    if (choice === null)
      return refuse(403, "A person was asked first, and nobody answered in time. Try again when they are there");
    if (choice === NO.id) return refuse(403, "A person was asked, and said no");
    if (choice !== ONCE.id) return { do: "decide again" };
    return (
      this.#use(session, hash, clock.now()) ??
      refuse(429, "An equal request was let through by that answer. Ask again by repeating it")
    );
  }

  /** An answer that was given before: a yes is used up, once and durably; a no holds for a while. */
  #use(session: DoorSession, hash: string, now: number): Outcome | null {
    const { store, audit, approvals } = this.#parts;
    return store.db.transaction(() => {
      const since = now - ANSWER_HOLDS;
      const approval = approvals.asked.use(KIND, hash, ONCE.id, since, now);
      if (approval !== null) {
        const entry = { actor: `agent:${session.agentGroup}`, verb: "approvals.use", resource: `approval:${approval}` };
        audit.append({ ...entry, decision: "fact", detail: { session: session.id, hash } });
        return { do: "let through", approval };
      }
      return approvals.asked.wasDenied(KIND, hash, since)
        ? refuse(403, "A person was asked about this very request not long ago, and said no")
        : null;
    });
  }

  #ask(
    session: DoorSession,
    request: Held,
    rule: EgressRule,
    flow: FlowQuestion | null,
    payload: Record<string, unknown>,
    now: number,
  ): Approval {
    const { store, approvals } = this.#parts;
    const group = store.groups.agentGroup(rule.agentGroup);
    const name = group?.name ?? "An agent";
    const whole =
      addressOf(request, Number.POSITIVE_INFINITY) + request.path.slice(request.path.split("?", 1)[0]?.length);
    const turn = store.turns.running(session.id as SessionId);
    const where = store.sessions.session(session.id as SessionId) ?? null;
    const always = flow ? null : this.#ruleFor(request, rule, null);
    const key = rule.credential === null ? "It goes without a key." : `It gets the key "${rule.credential}".`;
    const [line] = always ? difference([], [always]).added : [];
    const text = [
      flow
        ? `${name} wants to send a request. Its rules allow it, but ${flow.why}.`
        : `${name} wants to send a request, and a rule says to ask first.`,
      "",
      "```",
      `${request.method} ${whole.replaceAll("`", "%60")}`,
      "```",
      `${key} Agent: ${group?.folder ?? ""}, ${turn === null ? "between turns" : `turn ${turn}`} of session ${session.id}.`,
      ...(flow
        ? [
            `"Always": from now on what it has read there, and at that place itself, may go to ${flow.sink.name}. \`ncl guard waivers\` shows that, \`unwaive\` takes it back.`,
          ]
        : []),
      ...(line
        ? [`"Always" adds a rule: ${line.host}: ${line.what}, ${line.how}, whatever follows a question mark.`]
        : []),
      `Without an answer in ${PATIENCE / MINUTE} minutes it is refused.`,
    ].join("\n");
    return approvals.ask({
      ...{ kind: KIND, agentGroup: rule.agentGroup, session: where, payload, text },
      title: `${name}: ${request.method} ${addressOf(request, 120).replaceAll("`", "%60")}`,
      choices: flow ? [ONCE, ALWAYS, NO] : always ? [ONCE, SESSION, ALWAYS, NO] : [ONCE, NO],
      expiresAt: now + PATIENCE,
    });
  }

  #answer(id: number, signal: AbortSignal): Promise<string | null> {
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(id) ?? new Set();
      this.#waiting.set(id, waiting);
      const done = (choice: string | null) => {
        signal.removeEventListener("abort", gone);
        resolve(choice);
      };
      const gone = () => {
        waiting.delete(done);
        resolve("gone");
        if (waiting.size > 0) return;
        this.#waiting.delete(id);
        this.#parts.approvals.hurry(id, NOBODY_WAITS);
      };
      waiting.add(done);
      if (signal.aborted) gone();
      else signal.addEventListener("abort", gone, { once: true });
    });
  }

  #answered(approval: Approval, choice: Choice): void {
    const { rules, store, audit, clock, guard } = this.#parts;
    this.#wake(approval.id, choice.id);
    if (choice.id !== SESSION.id && choice.id !== ALWAYS.id) return;
    const { agentGroup, flow, ...request } = JSON.parse(approval.payload) as Held &
      ReturnType<typeof effectsOf> & {
        agentGroup: EgressRule["agentGroup"];
        flow?: Pick<FlowQuestion, "sources" | "sink">;
      };
    if (flow) {
      // Having asked there once, it has read what came back from there too.
      const there = { kind: "host", name: flow.sink.name } as const;
      guard.waive(agentGroup, { ...flow, sources: [...flow.sources, there] });
      return;
    }
    const rule = this.#ruleFor(request, { ...request, agentGroup }, choice.id === SESSION.id ? approval.session : null);
    if (!rule) return;
    const { id } = rules.add(rule, clock.now());
    const resource = `agent group:${store.groups.agentGroup(agentGroup)?.folder ?? agentGroup}`;
    const detail = { approval: approval.id, rule: id, host: rule.host, path: rule.path, session: rule.session };
    audit.append({ actor: "system", verb: "rules.allow", resource, decision: "fact", detail });
  }

  /** What lets exactly this through from now on; null where a path can be read in two ways, or no rule can say it. */
  #ruleFor(
    request: Held,
    {
      agentGroup,
      credential,
      privateNetwork,
      trusted,
      acts,
    }: Pick<EgressRule, "agentGroup"> & ReturnType<typeof effectsOf>,
    session: SessionId | null,
  ): NewRule | null {
    const path = readPath(request.path);
    if ("why" in path || path.readings.length > 1) return null;
    const { host, port, scheme, method } = request;
    const effects = { credential, privateNetwork, trusted, acts };
    try {
      const exact = { host, port, scheme, methods: [method], path: `/${path.readings[0].join("/")}`, ...effects };
      return checkRule({ ...exact, agentGroup, session, bundle: null, action: "allow" as const });
    } catch {
      return null;
    }
  }

  #wake(id: number, choice: string | null): void {
    this.#parts.store.db.afterCommit(() => {
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      for (const done of waiting ?? []) done(choice);
    });
  }
}

const effectsOf = ({ credential, privateNetwork, trusted, acts }: EgressRule) => ({
  credential,
  privateNetwork,
  trusted,
  acts,
});

const refuse = (status: number, why: string): Outcome => ({ do: "refuse", status, why });
