/**
 * Carries out verbs. Whoever asks, each passes here: arguments are validated, the one gate decides, and the decision is
 * written to the audit log in the transaction of the effect.
 */
import { type Actor, actorName, authorize } from "../access/authorize.ts";
import type { Audit } from "../audit/audit.ts";
import { Misuse, Retryable } from "../lib/errors.ts";
import type { Database } from "../lib/sqlite.ts";
import { type VerbArgs, type VerbName, type VerbResult, verbs } from "./verbs.ts";

export interface EffectContext {
  actor: Actor;
  /** Runs the change that a verb makes in one transaction with its audit record. Verbs that only read don't call it. */
  record<Result>(resource: string, change: () => Result, detail?: Record<string, unknown>): Result;
  /** Ends when the caller of a stream hangs up. */
  signal: AbortSignal;
}

type Streams = "chat.follow";

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
    if (!Object.hasOwn(verbs, name)) throw new UnknownVerb(`there is no verb "${name}"`);
    const verb = verbs[name as VerbName];
    const parsed = verb.args.safeParse(input ?? {});
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      throw new BadArguments(`${issue?.path.join(".") || name}: ${issue?.message ?? "is wrong"}`);
    }
    const decision = authorize(actor, name, verb.authority);
    if (!decision.allow) {
      this.#audit.append({
        actor: actorName(actor),
        verb: name,
        resource: "",
        decision: "deny",
        detail: { why: decision.why },
      });
      throw new Refused(decision.why);
    }
    const context: EffectContext = {
      actor,
      signal,
      record: (resource, change, detail) =>
        this.#db.transaction(() => {
          this.#audit.append({
            actor: actorName(actor),
            verb: name,
            resource,
            decision: "allow",
            detail: detail ?? {},
          });
          return change();
        }),
    };
    // The table's types say that these arguments fit this effect; the compiler can't see it through the name.
    const effect = this.#effects[name as VerbName] as (args: unknown, context: EffectContext) => unknown;
    if (verb.stream) return { stream: true, lines: effect(parsed.data, context) as AsyncIterable<unknown> };
    return { stream: false, result: await effect(parsed.data, context) };
  }
}

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
