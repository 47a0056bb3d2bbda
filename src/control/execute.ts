/**
 * Carries out verbs. Whoever asks, each passes here: arguments are validated, the one gate decides, and the decision is
 * written to the audit log in the transaction of the effect.
 */

import { type Verb, type VerbArgs, type VerbName, type VerbResult, verbs } from "../../api/verbs.ts";
import { type Actor, actorName, authorize } from "../access/authorize.ts";
import type { Audit } from "../audit/audit.ts";
import { Misuse, Retryable, withHint } from "../lib/errors.ts";
import type { Database } from "../lib/sqlite.ts";

export interface EffectContext {
  actor: Actor;
  /**
   * Runs the change that a verb makes in one transaction with its audit record, whose number it gets. Verbs that only read
   * don't call it.
   */
  record<Result>(resource: string, change: (record: number) => Result, detail?: Record<string, unknown>): Result;
  /** The gate once more, where a verb finds out by itself whose thing it touches. @throws Refused */
  permit(agentGroup: string): void;
  /** Ends when the caller of a stream hangs up. */
  signal: AbortSignal;
}

type Streams = "chat.follow" | "audit.follow" | "audit.export" | "sandbox.prove";

/** What each verb does. A stream yields its lines. */
export type Effects = {
  [Name in Exclude<VerbName, Streams>]: (
    args: VerbArgs<Name>,
    context: EffectContext,
  ) => VerbResult<Name> | Promise<VerbResult<Name>>;
} & { [Name in Streams]: (args: VerbArgs<Name>, context: EffectContext) => AsyncIterable<VerbResult<Name>> };

/** The gate said no. */
export class Refused extends Error {
  override readonly name = "Refused";
}

export class UnknownVerb extends Error {
  override readonly name = "UnknownVerb";
}

export class BadArguments extends Error {
  override readonly name = "BadArguments";
}

export type Outcome = { stream: false; result: unknown } | { stream: true; lines: AsyncIterable<unknown> };

export class Executor {
  readonly #effects: Effects;
  readonly #db: Database;
  readonly #audit: Audit;

  constructor(effects: Effects, db: Database, audit: Audit) {
    this.#effects = effects;
    this.#db = db;
    this.#audit = audit;
  }

  /** @throws UnknownVerb, BadArguments, Refused, or what the effect throws (Misuse for what a person can mend) */
  async execute(actor: Actor, name: string, input: unknown, signal: AbortSignal): Promise<Outcome> {
    const { verb, run } = this.#prepare(actor, name, input, signal);
    const outcome = await this.#auditing(actor, name, run);
    if (verb.stream) return { stream: true, lines: outcome as AsyncIterable<unknown> };
    return { stream: false, result: outcome };
  }

  /**
   * Carries out what an agent asks for, as part of the open transaction: what fails is undone and said to it.
   * @throws Retryable where the database can't be written
   */
  carryOut(actor: Actor & { kind: "agent" }, name: string, input: unknown): { ok: boolean; text: string } {
    try {
      const result = this.#db.attempt(() => {
        const { verb, run } = this.#prepare(actor, name, input, new AbortController().signal);
        const outcome = verb.tool ? run() : null;
        // What it comes to is nobody's any more; unheard, its failure would end the host.
        if (outcome instanceof Promise) outcome.catch(() => {});
        if (outcome === null || outcome instanceof Promise)
          throw new Refused(`"${name}" is nothing that an agent can do`);
        return outcome;
      });
      return { ok: true, text: JSON.stringify(result) };
    } catch (error) {
      if (error instanceof Retryable) throw error;
      if (error instanceof Refused) this.#deny(actor, name, error.message);
      const { message, hint } = failureOf(error);
      return { ok: false, text: withHint(message, hint) };
    }
  }

  async #auditing(actor: Actor, name: string, run: () => unknown): Promise<unknown> {
    try {
      return await run();
    } catch (error) {
      if (error instanceof Refused) this.#deny(actor, name, error.message);
      throw error;
    }
  }

  #deny(actor: Actor, verb: string, why: string): void {
    this.#audit.refuse({ ...recordedAs(actor), verb, resource: "", detail: { why } });
  }

  #prepare(actor: Actor, name: string, input: unknown, signal: AbortSignal): { verb: Verb; run: () => unknown } {
    if (!Object.hasOwn(verbs, name)) throw new UnknownVerb(`there is no verb "${name}"`);
    const verb: Verb = verbs[name as VerbName];
    const parsed = verb.args.safeParse(input ?? {});
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      throw new BadArguments(`${issue?.path.join(".") || name}: ${issue?.message ?? "is wrong"}`);
    }
    const permit = (group: string | null) => {
      const { allow, why } = authorize(actor, name, verb.authority, group);
      if (!allow) throw new Refused(why);
    };
    const context: EffectContext = {
      ...{ actor, signal, permit },
      record: (resource, change, detail) =>
        this.#db.transaction(() => {
          const allowed = { verb: name, resource, decision: "allow", detail: detail ?? {} } as const;
          return change(this.#audit.append({ ...recordedAs(actor), ...allowed }));
        }),
    };
    // The table's types say that these arguments fit this effect; the compiler can't see it through the name.
    const effect = this.#effects[name as VerbName] as (args: unknown, context: EffectContext) => unknown;
    const run = () => {
      permit(null);
      return effect(parsed.data, context);
    };
    return { verb, run };
  }
}

const recordedAs = (actor: Actor) => ({
  actor: actorName(actor),
  ...(actor.kind === "agent" && { session: actor.session.id, turn: actor.turn, cause: actor.cause }),
});

/** Shows whatever was thrown as what the API answers. */
export function failureOf(error: unknown): { code: string; message: string; hint: string } {
  if (error instanceof UnknownVerb)
    return { code: "unknown_verb", message: error.message, hint: "`ncl help` lists them." };
  if (error instanceof BadArguments) return { code: "bad_arguments", message: error.message, hint: "" };
  if (error instanceof Refused) return { code: "refused", message: error.message, hint: "" };
  if (error instanceof Misuse) return { code: "refused", message: error.message, hint: error.hint };
  if (error instanceof Retryable)
    return {
      code: "unavailable",
      message: error.message,
      hint: "Make sure that the disk has room, and try again in a moment.",
    };
  return { code: "failed", message: "something went wrong inside", hint: "`ncl logs` shows what." };
}
