/**
 * The hash chain of the audit log as pure functions: each record's hash covers its content and the hash before it,
 * so that a removed, changed or reordered record shows. (A cut tail shows only against a head kept elsewhere.)
 */
import { createHash } from "node:crypto";

export interface AuditRecord {
  /** 1, 2, 3, ... without a gap. */
  seq: number;
  /** Milliseconds since the epoch. */
  at: number;
  /** Who: a user id, "agent:<id>", or "system". */
  actor: string;
  /** What was done or decided, as a verb. */
  verb: string;
  /** To what. */
  resource: string;
  /** `fact` for something that happened without a decision of the gate. */
  decision: "allow" | "deny" | "fact";
  /** JSON object. Neither secrets nor message texts. */
  detail: string;
}

export interface ChainedRecord extends AuditRecord {
  previous: Uint8Array;
  hash: Uint8Array;
}

export const GENESIS = new Uint8Array(32);

/** SHA-256 over the previous hash and the record's fields as a JSON array, so that no two records read alike. */
export function hashOf(record: AuditRecord, previous: Uint8Array): Uint8Array {
  const fields = [record.seq, record.at, record.actor, record.verb, record.resource, record.decision, record.detail];
  return createHash("sha256").update(previous).update(JSON.stringify(fields)).digest();
}

export type Verdict = { intact: true; records: number; head: string } | { intact: false; seq: number; why: string };

/** Walks a chain from its beginning. */
export function verifyChain(records: Iterable<ChainedRecord>): Verdict {
  let previous = GENESIS;
  let count = 0;
  for (const record of records) {
    count += 1;
    if (record.seq !== count) return { intact: false, seq: count, why: `record ${count} is missing or out of order` };
    if (!sameBytes(record.previous, previous)) {
      return { intact: false, seq: count, why: "it does not follow the record before it" };
    }
    if (!sameBytes(record.hash, hashOf(record, previous))) {
      return { intact: false, seq: count, why: "its content was changed after it was written" };
    }
    previous = record.hash as typeof previous;
  }
  return { intact: true, records: count, head: Buffer.from(previous).toString("hex") };
}

const sameBytes = (a: Uint8Array, b: Uint8Array) => Buffer.compare(a, b) === 0;
