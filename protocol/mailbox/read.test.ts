import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import fc from "fast-check";
import { hostileFiles, validMailbox } from "../../container/probe/hostile-bytes.ts";
import { outboundBody } from "../rows.ts";
import { readMailbox } from "./read.ts";
import { MailboxWriter } from "./writer.ts";

const dir = mkdtempSync(join(tmpdir(), "nanoclaw-mailbox-"));
after(() => rmSync(dir, { recursive: true, force: true }));
const scratch = join(dir, "scratch.db");
const db = join(dir, "m.db");

function read(options: { after?: number; limit?: number } = {}) {
  const paths = { db, journal: join(dir, "none") };
  return readMailbox(paths, { after: 0, limit: 128, schema: outboundBody, attempts: 1, ...options });
}

describe("reading a mailbox", () => {
  for (const [name, { bytes, expected }] of Object.entries(hostileFiles(scratch))) {
    test(`hostile bytes: ${name}`, () => {
      writeFileSync(db, bytes);
      const began = performance.now();
      const result = read();
      assert.ok(performance.now() - began < 1_000);
      assert.equal(result.status, expected.status, JSON.stringify(result));
      if (expected.status === "invalid" && result.status === "invalid") assert.match(result.why, expected.why);
      if (expected.status !== "ok" || result.status !== "ok") return;
      assert.deepEqual(
        result.rows.map(({ n }) => n),
        expected.rows,
      );
      assert.deepEqual(
        result.refused.map(({ n }) => n),
        expected.refused,
      );
    });
  }

  test("any bytes changed anywhere end in a status, never in an exception", () => {
    const valid = validMailbox(scratch);
    const change = fc.tuple(fc.nat(valid.length - 1), fc.integer({ min: 0, max: 255 }));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 20 }), fc.nat(valid.length), (changes, length) => {
        const bytes = Buffer.from(valid.subarray(0, length % 5 === 0 ? length : valid.length));
        for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
        writeFileSync(db, bytes);
        assert.match(read().status, /^(ok|absent|invalid)$/);
      }),
      { numRuns: 500 },
    );
  });

  test("many or large rows come in parts, in order and all of them", () => {
    rmSync(db, { force: true });
    const writer = MailboxWriter.open(db);
    const outcome = (n: number) => ({ status: "done" as const, text: "x".repeat((n * 7_919) % 150_000) });
    const end = (n: number) => ({
      n,
      body: { kind: "turn_ended", turn: 1, outcome: outcome(n), acknowledges: [], continuation: null, usage: null },
    });
    const wanted = Array.from({ length: 40 }, (_, index) => 1 + 2 * index);
    writer.commit({ put: wanted.map(end) });
    const found: number[] = [];
    let parts = 0;
    for (let more = true; more; parts += 1) {
      const result = read({ after: found.at(-1) ?? 0, limit: 7 });
      assert.equal(result.status, "ok");
      if (result.status !== "ok") return;
      assert.ok(JSON.stringify(result.rows).length < 1_200_000);
      found.push(...result.rows.map(({ n }) => n));
      more = result.more;
    }
    assert.deepEqual(found, wanted);
    assert.ok(parts > 40 / 7);
    writer.close();
  });

  test("a state entry that is too large is left out, the others come", () => {
    rmSync(db, { force: true });
    const writer = MailboxWriter.open(db);
    writer.commit({ state: { progress: "{}", large: "x".repeat(300_000) } });
    writer.close();
    const result = read();
    assert.deepEqual(result.status === "ok" && result.state, { progress: "{}" });
  });
});
