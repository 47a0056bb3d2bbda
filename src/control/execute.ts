/**
 * Carries out verbs. Whoever asks, each passes here: arguments are validated, the one gate decides, and the decision is
 * written to the audit log in the transaction of the effect.
 */

import type { z } from "zod";
import { type Role, type Verb, type VerbArgs, type VerbName, type VerbResult, verbs } from "../../api/verbs.ts";
import { type Actor, actorName, authorize, type Resource } from "../access/authorize.ts";
import type { Audit } from "../audit/audit.ts";
import { Misuse, Retryable, withHint } from "../lib/errors.ts";
import type { Store } from "../store/store.ts";

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
  readonly #store: Store;
  readonly #audit: Audit;

  constructor(effects: Effects, store: Store, audit: Audit) {
    this.#effects = effects;
    this.#store = store;
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
   * Carries out what waits for nothing, as part of the open transaction: what fails is undone, and says why.
   * @throws Retryable where the database can't be written
   */
  carryOut(actor: Actor, name: string, input: unknown): CarriedOut {
    try {
      const result = this.#store.db.attempt(() => {
        const { verb, run } = this.#prepare(actor, name, input, new AbortController().signal);
        const outcome = actor.kind !== "agent" || verb.agents ? run() : null;
        // What it comes to is nobody's any more; unheard, its failure would end the host.
        if (outcome instanceof Promise) outcome.catch(() => {});
        if (outcome === null || outcome instanceof Promise)
          throw new Refused(`"${name}" is nothing that ${actor.kind === "agent" ? "an agent" : "anybody"} can do here`);
        return outcome;
      });
      return { ok: true, result };
    } catch (error) {
      if (error instanceof Retryable) throw error;
      if (error instanceof Refused) this.#deny(actor, name, error.message);
      const { message, hint } = failureOf(error);
      return { ok: false, why: withHint(message, hint) };
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
    const check = (resource: Resource, needs: Pick<Verb, "least" | "agents"> = verb) => {
      const { allow, why } = authorize(actor, name, needs, resource);
      if (!allow) throw new Refused(why);
    };
    let asked = verb.of !== "found";
    const context: EffectContext = {
      ...{ actor, signal },
      permit: (id) => {
        asked = true;
        check({ of: "group", id });
      },
      record: (resource, change, detail) =>
        this.#store.db.transaction(() => {
          const allowed = { verb: name, resource, decision: "allow", detail: detail ?? {} } as const;
          const result = change(this.#audit.append({ ...recordedAs(actor), ...allowed }));
          if (!asked) throw new Error(`"${name}" did not ask the gate whose thing it changed`);
          return result;
        }),
    };
    // The table's types say that these arguments fit this effect; the compiler can't see it through the name.
    const effect = this.#effects[name as VerbName] as (args: unknown, context: EffectContext) => unknown;
    const run = () => {
      const resource = this.#resourceOf(verb, parsed.data);
      check(resource);
      for (const [field, least] of roleArguments(verb))
        if (parsed.data[field] !== undefined) check(resource, { least, agents: false });
      return effect(parsed.data, context);
    };
    return { verb, run };
  }

  #resourceOf(verb: Verb, args: Record<string, unknown>): Resource {
    if (verb.of === "all") return { of: "all" };
    if (verb.of === "found") return { of: "later" };
    const folder = args[verb.of];
    const group = typeof folder === "string" ? this.#store.groups.agentGroupByFolder(folder) : undefined;
    return group ? { of: "group", id: group.id } : { of: "all" };
  }
}

/** Arguments that take a higher role than the verb itself. */
export function roleArguments({ args }: Verb): [string, Role][] {
  return Object.entries(args.shape).flatMap(([field, schema]) => {
    const { least } = (schema as z.ZodType).meta() ?? {};
    return least ? [[field, least as Role]] : [];
  });
}

/** `result` is what the verb says it resolves to. */
export type CarriedOut = { ok: true; result: unknown } | { ok: false; why: string };

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
