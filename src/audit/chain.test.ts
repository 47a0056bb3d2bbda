import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../lib/clock.ts";
import { openStore } from "../store/store.ts";
import { Audit } from "./audit.ts";

function logOf(count: number) {
  const { db } = openStore(":memory:");
  const audit = new Audit(db, systemClock);
  for (let i = 1; i <= count; i++) {
    audit.append({ actor: "system", verb: "test", resource: `r${i}`, decision: "fact", detail: { i } });
  }
  return { db, audit };
}

test("an untouched chain is intact, over more than one page", () => {
  const verdict = logOf(2300).audit.verify();
  assert.equal(verdict.intact && verdict.records, 2300);
});

for (const [what, sql, seq] of [
  ["a changed detail", "UPDATE audit SET detail='{}' WHERE seq=5", 5],
  ["a changed time", "UPDATE audit SET at=at+1 WHERE seq=7", 7],
  ["a removed record", "DELETE FROM audit WHERE seq=4", 4],
  ["a swapped pair", "UPDATE audit SET seq=-seq WHERE seq IN (2,3); UPDATE audit SET seq=5+seq WHERE seq<0", 2],
] as const) {
  test(`${what} is found at its record`, () => {
    const { db, audit } = logOf(9);
    db.exec(sql);
    const verdict = audit.verify();
    assert.equal(verdict.intact, false);
    assert.equal(!verdict.intact && verdict.seq, seq);
  });
}

test("a record is lost with the transaction that it belongs to", () => {
  const { db, audit } = logOf(1);
  assert.throws(() =>
    db.transaction(() => {
      audit.append({ actor: "system", verb: "test", resource: "x", decision: "fact" });
      throw new Error("undo");
    }),
  );
  assert.equal(audit.list(10).length, 1);
});
