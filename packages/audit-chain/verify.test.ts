import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { type Head, signHead } from "./head.ts";
import { headsIn, lineOfHead, lineOfRecord, textOfHeads, verifyLines } from "./lines.ts";
import { type AuditRecord, type ChainedRecord, GENESIS, hashOf } from "./record.ts";
import { ChainVerifier, type Report } from "./verify.ts";

const { privateKey, publicKey } = generateKeyPairSync("ed25519");
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

/** The hashes that whoever wrote these records would have made. */
function chained(records: readonly AuditRecord[]): ChainedRecord[] {
  let previous = GENESIS;
  return records.map((record) => {
    const hash = hashOf(record, previous);
    const row = { ...record, previous, hash };
    previous = hash;
    return row;
  });
}

function headAt(rows: readonly ChainedRecord[], seq: number, counter: number, key = privateKey): Head {
  return signHead({ counter, seq, hash: hex(rows[seq - 1]?.hash ?? GENESIS), at: 7 }, key);
}

function report(rows: readonly ChainedRecord[], ...heads: (readonly Head[])[]): Report {
  const verifier = new ChainVerifier(heads, [publicKey]);
  for (const row of rows) if (!verifier.take(row)) break;
  return verifier.end();
}

const text = fc.string({ unit: "grapheme", maxLength: 8 });
const some = fc.record({
  at: fc.nat(),
  actor: text,
  verb: text,
  resource: text,
  decision: fc.constantFrom("allow", "deny", "fact"),
  detail: text,
  cause: fc.option(fc.nat({ max: 30 })),
  session: fc.option(text),
  turn: fc.option(fc.nat({ max: 9 })),
});
/** Records of the old kind, then of the new one, as an installation has them that was brought up to date. */
const log = fc.tuple(fc.array(some, { minLength: 2, maxLength: 20 }), fc.nat({ max: 5 })).map(([contents, old]) =>
  contents.map((content, index): AuditRecord => {
    const seq = index + 1;
    if (index < old) return { ...content, seq, version: 1, cause: null, session: null, turn: null };
    const cause = content.cause && content.cause < seq ? content.cause : null;
    return { ...content, decision: content.decision, seq, version: 2, cause };
  }),
);
/** A log with heads at some of its records, the last one included, and a record that is to be touched. */
const signedLog = log.chain((records) => {
  const rows = chained(records);
  return fc.record({
    records: fc.constant(records),
    rows: fc.constant(rows),
    heads: fc
      .subarray(rows.map(({ seq }) => seq))
      .map((seqs) => [...new Set([...seqs, rows.length])].map((seq, index) => headAt(rows, seq, index + 1))),
    at: fc.nat({ max: rows.length - 1 }),
    /** Whoever changes a record may also make the hashes of all that follow anew. */
    rehash: fc.boolean(),
  });
});

/** Asserts that a change to the log of every run is found. */
function isFound(change: (records: AuditRecord[], at: number) => AuditRecord[] | null): void {
  let changes = 0;
  fc.assert(
    fc.property(signedLog, ({ records, rows, heads, at, rehash }) => {
      assert.deepEqual(report(rows, heads).findings, []);
      const changed = change(structuredClone(records), at);
      if (changed === null) return;
      changes += 1;
      // Rows keep the hashes they had; a new one has those of the place that it was put to.
      const kept = changed.map((record, index) => {
        const own = rows.find((row) => row.seq === record.seq) ?? rows[index];
        return { ...record, previous: own?.previous ?? GENESIS, hash: own?.hash ?? GENESIS };
      });
      assert.notDeepEqual(report(rehash ? chained(changed) : kept, heads).findings, []);
    }),
  );
  assert.ok(changes > 50, `only ${changes} changes were tried`);
}

const renumbered = (records: AuditRecord[]) => records.map((record, index) => ({ ...record, seq: index + 1 }));

test("a removed record is found, also when all that follow were numbered and hashed anew", () => {
  isFound((records, at) => records.toSpliced(at, 1));
  isFound((records, at) => renumbered(records.toSpliced(at, 1)));
});

test("an inserted record is found", () => {
  isFound((records, at) => renumbered(records.toSpliced(at, 0, { ...(records[0] as AuditRecord), actor: "nobody" })));
});

test("two records in the other order are found", () => {
  isFound((records, at) => {
    const other = (at + 1) % records.length;
    const [one, two] = [records[at], records[other]];
    if (!one || !two || JSON.stringify({ ...one, seq: 0 }) === JSON.stringify({ ...two, seq: 0 })) return null;
    records[at] = two;
    records[other] = one;
    return renumbered(records);
  });
});

for (const [field, value] of Object.entries({
  at: -1,
  actor: "somebody else",
  verb: "something else",
  resource: "another thing",
  detail: '{"other":1}',
  session: "another session",
  turn: 77,
  version: 1,
})) {
  test(`a changed ${field} is found`, () => {
    isFound((records, at) => {
      const record = records[at];
      if (!record || record[field as keyof AuditRecord] === value) return null;
      records[at] = { ...record, [field]: value };
      return records;
    });
  });
}

test("a changed decision and a changed cause are found", () => {
  isFound((records, at) => {
    const record = records[at] as AuditRecord;
    return records.with(at, { ...record, decision: record.decision === "deny" ? "allow" : "deny" });
  });
  isFound((records, at) => {
    const record = records[at] as AuditRecord;
    return record.version === 1 ? null : records.with(at, { ...record, cause: record.cause === null ? 1 : null });
  });
});

test("two fields of a record that changed places are found", () => {
  isFound((records, at) => {
    const record = records[at] as AuditRecord;
    if (record.actor === record.resource) return null;
    return records.with(at, { ...record, actor: record.resource, resource: record.actor });
  });
});

test("an end that was cut off is found by the head that covers it, and not without one", () => {
  fc.assert(
    fc.property(signedLog, ({ rows, heads, at }) => {
      const left = rows.slice(0, at);
      assert.match(JSON.stringify(report(left, heads).findings), /cut off|older copy/);
      assert.deepEqual(report(left).findings, []);
    }),
  );
});

test("an older copy of records and heads that was put back is found by the heads that are kept elsewhere", () => {
  fc.assert(
    fc.property(signedLog, ({ rows, heads, at }) => {
      const left = rows.slice(0, at);
      const oldHeads = heads.filter(({ seq }) => seq <= at);
      assert.deepEqual(report(left, oldHeads).findings, []);
      assert.notDeepEqual(report(left, oldHeads, heads).findings, []);
    }),
  );
});

test("a log that went on in another way after an older copy was put back is found, wherever its own heads are", () => {
  fc.assert(
    fc.property(signedLog, ({ records, rows, heads, at }) => {
      const other = { ...(records[at] as AuditRecord), actor: "after the fork" };
      const fork = chained([
        ...records.slice(0, at),
        ...records.slice(at).map((record) => ({
          ...record,
          ...other,
          seq: record.seq,
          version: record.version,
          cause: null,
          session: null,
          turn: null,
        })),
      ]);
      if (hex(fork.at(-1)?.hash ?? GENESIS) === hex(rows.at(-1)?.hash ?? GENESIS)) return;
      const oldHeads = heads.filter(({ seq }) => seq <= at);
      const newHeads = [...oldHeads, headAt(fork, fork.length, oldHeads.length + 1)];
      assert.deepEqual(report(fork, newHeads).findings, [], "by itself it is whole");
      assert.notDeepEqual(report(fork, newHeads, heads).findings, []);
    }),
  );
});

test("what no head covers yet is said, and is no failure", () => {
  const rows = chained([1, 2, 3].map((seq) => record(seq)));
  assert.deepEqual(report(rows, [headAt(rows, 2, 1)]), {
    records: 3,
    head: hex(rows[2]?.hash ?? GENESIS),
    signedUpTo: 2,
    findings: [],
  });
});

test("heads are judged by themselves: a counter that went back, a gap, a foreign key, a forged signature", () => {
  const rows = chained([1, 2, 3].map((seq) => record(seq)));
  const [one, two, three] = [headAt(rows, 1, 1), headAt(rows, 2, 2), headAt(rows, 3, 3)];
  const why = (...heads: Head[]) =>
    report(rows, heads)
      .findings.map((finding) => finding.why)
      .join("; ");
  assert.equal(why(one, two, three), "");
  assert.equal(why(two, three), "", "old heads may be dropped");
  assert.match(why(two, one), /went back from 2 to 1/);
  assert.match(why(one, three), /missing between 1 and 3/);
  assert.match(why(one, headAt(rows, 1, 2), { ...three, seq: 2 }), /signature that is not of its key/);
  assert.match(why({ ...one, at: 8 }), /signature/);
  const stranger = generateKeyPairSync("ed25519").privateKey;
  assert.match(why(headAt(rows, 3, 1, stranger)), /another key/);
  assert.match(why(headAt(rows, 3, 1), headAt(rows, 2, 2)), /covers less/);
  // A head that a stranger signed says nothing about the records.
  assert.equal(report(rows.slice(0, 1), [headAt(rows, 3, 1, stranger)]).signedUpTo, 0);
});

test("a record of the old kind has no field that its hash does not cover, and none follows one of the new kind", () => {
  const rows = chained([record(1, 1), record(2)]);
  assert.deepEqual(report(rows).findings, []);
  assert.match(report([{ ...(rows[0] as ChainedRecord), cause: 1 }]).findings[0]?.why ?? "", /not cover/);
  assert.match(report(chained([record(1), record(2, 1)])).findings[0]?.why ?? "", /no place/);
  assert.match(report(chained([{ ...record(1), cause: 1 }])).findings[0]?.why ?? "", /no record before/);
});

async function* linesOf(...lines: unknown[]) {
  for (const line of lines) yield typeof line === "string" ? line : JSON.stringify(line);
}

test("as lines a log says the same, whatever is in its fields", async () => {
  await fc.assert(
    fc.asyncProperty(signedLog, async ({ rows, heads, at }) => {
      const lines = [...heads.map(lineOfHead), ...rows.map(lineOfRecord)];
      assert.deepEqual(await verifyLines(linesOf(...lines), [publicKey]), report(rows, heads));
      assert.deepEqual(headsIn(textOfHeads(heads)), heads);
      // A file that was cut anywhere among its records.
      const cut = lines.slice(0, heads.length + at);
      assert.notDeepEqual((await verifyLines(linesOf(...cut), [publicKey])).findings, []);
    }),
    { numRuns: 50 },
  );
});

test("a line that is something else, or has a field more, is named by its number", async () => {
  const rows = chained([record(1), record(2)]);
  const [one, two] = rows.map(lineOfRecord);
  const why = async (...lines: unknown[]) => (await verifyLines(linesOf(...lines), [publicKey])).findings[0]?.why;
  assert.match((await why(one, "{")) ?? "", /^line 2: /);
  assert.match((await why({ ...one, more: 1 }, two)) ?? "", /^line 1: /);
  assert.match((await why(one, lineOfHead(headAt(rows, 1, 1)), two)) ?? "", /^line 2: a head stands/);
  await assert.rejects(verifyLines(linesOf(), [publicKey]), /not one line/);
  assert.throws(() => headsIn('{"counter":1}\n'), /line 1 is no head/);
});

function record(seq: number, version = 2): AuditRecord {
  return {
    seq,
    at: seq,
    actor: "a",
    verb: "v",
    resource: "r",
    decision: "fact",
    detail: "{}",
    cause: null,
    session: null,
    turn: null,
    version,
  };
}
