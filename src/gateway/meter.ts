/**
 * What a session's requests to its model cost, and when it is enough: asked before a request goes out, told while the
 * answer comes and when it is over. Of what is said it learns the size and a hash, nothing else.
 */
import type { Reading } from "../../packages/model-usage/index.ts";
import type { DoorSession } from "./door.ts";
import type { Refusal } from "./head-rules.ts";

/** What a body says about its own price; told by the process that inspects it. */
export interface BodyFacts {
  /** As the request names it; may be empty. */
  model: string;
  /** The most that the model may write, tokens; null where it does not say. */
  maxOutput: number | null;
  /** The answer comes bit by bit, so it can be cut off. */
  streamed: boolean;
  /** It asks for a faster answer at a higher price. */
  fast: boolean;
  /** SHA-256 of the body, in hex: equal bodies are the same request again. */
  hash: string;
}

export interface MeteredRequest extends BodyFacts {
  /** Of its body. */
  bytes: number;
  /** False for a model of this machine, which costs nothing. */
  billed: boolean;
}

/** `id` names the request in what follows. */
export type MeterVerdict = { allow: true; id: number } | ({ allow: false } & Refusal);

export interface Meter {
  /** Durable when it returns: what was let out is counted, whatever happens to the host. Never throws. */
  ask(session: DoorSession, request: MeteredRequest): MeterVerdict;
  /** Some more of the answer has come. @returns false where it has gone too far and is to be cut off */
  goesOn(id: number, reading: Reading): boolean;
  /** Once for each request that was let out. @param reading null where it cost nothing: it failed, or never arrived */
  ended(id: number, status: number, reading: Reading | null): void;
}

/** Begins what a stopped agent is told, so that its person is told the same and not of the provider's limits. */
export const STOPPED_BY_METER = "NanoClaw's own limit: ";
