/**
 * Checks a chain of records, one at a time and in order, against itself and against signed heads. Pure: whoever has the
 * records, the heads and the public key gets the same findings.
 */
import type { KeyObject } from "node:crypto";
import { type Head, isSignedBy, keyId } from "./head.ts";
import { type ChainedRecord, GENESIS, hashOf, VERSION } from "./record.ts";

/** Something that is wrong, in words. */
export interface Finding {
  /** The record or the head that it is about; 0 for none in particular. */
  seq: number;
  why: string;
}

export interface Report {
  records: number;
  /** Hash of the last record, hexadecimal. */
  head: string;
  /** The last record that a valid head covers: what follows could be cut off without a trace. */
  signedUpTo: number;
  findings: Finding[];
}

export class ChainVerifier {
  readonly #heads: ReadonlyMap<number, Head[]>;
  readonly #findings: Finding[] = [];
  readonly #signedUpTo: number;
  #previous = GENESIS;
  #version = 1;
  #count = 0;
  #broken = false;

  /** @param heads from every place where they are kept, in the order in which they stand there, one list for each place */
  constructor(heads: readonly (readonly Head[])[], keys: readonly KeyObject[]) {
    const byId = new Map(keys.map((key) => [keyId(key), key]));
    const all = heads.flat();
    for (const list of heads) this.#findings.push(...inOrder(list));
    const known = new Map<number, Head>();
    for (const head of all) {
      const other = known.get(head.counter);
      if (other && !sameHead(other, head))
        this.#findings.push({
          seq: head.seq,
          why: `there are two different heads ${head.counter}: the log went two ways`,
        });
      if (!other) this.#findings.push(...ofSignature(head, byId));
      known.set(head.counter, other ?? head);
    }
    const good = all.filter((head) => ofSignature(head, byId).length === 0);
    this.#heads = Map.groupBy(good, ({ seq }) => seq);
    this.#signedUpTo = good.reduce((most, { seq }) => Math.max(most, seq), 0);
  }

  /** The next record. @returns false once the chain is broken: what follows can't be judged any more */
  take(record: ChainedRecord): boolean {
    if (this.#broken) return false;
    this.#count += 1;
    const wrong = this.#wrongWith(record);
    if (wrong) {
      this.#broken = true;
      this.#findings.push({ seq: this.#count, why: wrong });
      return false;
    }
    this.#previous = record.hash;
    this.#version = record.version;
    const hash = hex(record.hash);
    for (const head of this.#heads.get(record.seq) ?? []) {
      if (head.hash === hash) continue;
      this.#broken = true;
      const why = `head ${head.counter} signed another record ${record.seq}: the log was written anew up to here`;
      this.#findings.push({ seq: record.seq, why });
      break;
    }
    return !this.#broken;
  }

  /** After the last record. */
  end(): Report {
    const findings = [...this.#findings];
    const last = this.#count;
    if (!this.#broken && this.#signedUpTo > last) {
      const why = `a signed head covers record ${this.#signedUpTo}, and the log ends with ${last}: its end was cut off, or an older copy was put back`;
      findings.push({ seq: last + 1, why });
    }
    const records = this.#broken ? last - 1 : last;
    return { records, head: hex(this.#previous), signedUpTo: Math.min(this.#signedUpTo, records), findings };
  }

  #wrongWith(record: ChainedRecord): string | null {
    const { seq, cause, version, previous, hash } = record;
    if (seq !== this.#count) return `record ${this.#count} is missing or out of order`;
    if (!sameBytes(previous, this.#previous)) return "it does not follow the record before it";
    if (version < this.#version || version > VERSION) return `its version ${version} has no place here`;
    if (version === 1 && (cause !== null || record.session !== null || record.turn !== null))
      return "it has fields that its hash does not cover";
    if (!sameBytes(hash, hashOf(record, previous))) return "its content was changed after it was written";
    if (cause !== null && (cause < 1 || cause >= seq)) return `its cause ${cause} is no record before it`;
    return null;
  }
}

/** Checks a whole chain without heads. */
export function verifyChain(records: Iterable<ChainedRecord>): Report {
  const verifier = new ChainVerifier([], []);
  for (const record of records) if (!verifier.take(record)) break;
  return verifier.end();
}

/** Counters grow by one, and what a head covers never shrinks. Which head is the first does not matter: old ones are dropped. */
function inOrder(heads: readonly Head[]): Finding[] {
  return heads.flatMap((head, index) => {
    const before = heads[index - 1];
    if (!before) return [];
    const { counter, seq } = head;
    if (counter <= before.counter)
      return [{ seq, why: `the heads' counter went back from ${before.counter} to ${counter}` }];
    if (counter > before.counter + 1)
      return [{ seq, why: `heads are missing between ${before.counter} and ${counter}` }];
    return seq < before.seq ? [{ seq, why: `head ${counter} covers less than head ${before.counter}` }] : [];
  });
}

function ofSignature(head: Head, keys: ReadonlyMap<string, KeyObject>): Finding[] {
  const { seq, counter, key: id } = head;
  const key = keys.get(id);
  if (!key)
    return [{ seq, why: `head ${counter} is signed by another key (${id}), whose public part is needed to check it` }];
  return isSignedBy(head, key) ? [] : [{ seq, why: `head ${counter} has a signature that is not of its key` }];
}

const sameHead = (a: Head, b: Head) => a.seq === b.seq && a.hash === b.hash && a.key === b.key;
const sameBytes = (a: Uint8Array, b: Uint8Array) => Buffer.compare(a, b) === 0;
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
