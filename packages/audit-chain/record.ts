/** A record of an audit log and its hash, which covers all of its content and the hash before it. */
import { createHash } from "node:crypto";

export interface AuditRecord {
  /** 1, 2, 3, ... without a gap. */
  seq: number;
  /** Milliseconds since the epoch, as the clock stood. */
  at: number;
  /** Who: a user id, "agent:<id>", or "system". */
  actor: string;
  /** What was done or decided, as a verb. */
  verb: string;
  /** To what. */
  resource: string;
  /** `fact` for something that happened without a decision of a gate. */
  decision: "allow" | "deny" | "fact";
  /** JSON object. Neither secrets nor message texts. */
  detail: string;
  /** The number of the record that led to this one: always a lower one. */
  cause: number | null;
  session: string | null;
  turn: number | null;
  /** How its hash is made. 1 has no cause, session and turn. */
  version: number;
}

export interface ChainedRecord extends AuditRecord {
  previous: Uint8Array;
  hash: Uint8Array;
}

/** What new records have. */
export const VERSION = 2;
/** What the first record follows. */
export const GENESIS: Uint8Array = new Uint8Array(32);

/**
 * SHA-256 over the previous hash and the fields as a JSON array. No two records read alike, also of two versions: their
 * arrays differ in length.
 */
export function hashOf(record: AuditRecord, previous: Uint8Array): Uint8Array {
  const { seq, at, actor, verb, resource, decision, detail, cause, session, turn, version } = record;
  const first = [seq, at, actor, verb, resource, decision, detail];
  const fields = version === 1 ? first : [version, ...first, cause, session, turn];
  return createHash("sha256").update(previous).update(JSON.stringify(fields)).digest();
}
