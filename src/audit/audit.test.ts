import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ManualClock } from "../../test/support/world.ts";
import { systemClock } from "../lib/clock.ts";
import { Database } from "../lib/sqlite.ts";
import { steps } from "../store/migrations.ts";
import { openStore, storeOn } from "../store/store.ts";
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

/** Written by NanoClaw before records had a cause: columns without `previous`, which is the hash before. */
const OLD = [
  [
    1,
    1700000001000,
    "operator",
    "groups.init",
    "agent group:a-1",
    "allow",
    '{"folder":"main"}',
    "31376df68e3bed9cf82f62e6709973d6d051875868827820bacce24495de66d8",
  ],
  [
    2,
    1700000002000,
    "terminal:you",
    "message.accept",
    "session:s-1",
    "allow",
    '{"event":1,"number":2}',
    "16d0bb042629414b9145bc7453cb8947303f716c311cc13519392e79ae4ecdfc",
  ],
  [
    3,
    1700000003000,
    "agent:a-1",
    "turn.end",
    "session:s-1",
    "fact",
    '{"turn":1,"status":"done","messages":[2],"usage":null}',
    "4cedaf7579bd27ec606f78e682601225d3301a9e965c45f64e7008d70dd039ca",
  ],
  [
    4,
    1700000004000,
    "test:bö 🙂",
    "status",
    "",
    "deny",
    '{"why":"it needs an owner"}',
    "c5c1a5f561cdd6b617fc2dc924d2d749b804f905285b358af609283c73162a08",
  ],
] as const;

test("a log of before records had a cause stays whole and goes on", () => {
  const db = new Database(":memory:");
  for (const step of steps.slice(0, 3)) db.exec(step);
  db.exec("PRAGMA user_version = 3");
  let previous = "00".repeat(32);
  for (const [seq, at, actor, verb, resource, decision, detail, hash] of OLD) {
    const bytes = [Buffer.from(previous, "hex"), Buffer.from(hash, "hex")] as const;
    db.run("INSERT INTO audit VALUES (?,?,?,?,?,?,?,?,?)", seq, at, actor, verb, resource, decision, detail, ...bytes);
    previous = hash;
  }
  const audit = new Audit(storeOn(db).db, systemClock);
  assert.deepEqual(audit.verify(), { intact: true, records: 4, head: previous });
  const n = audit.append({
    actor: "system",
    verb: "test",
    resource: "",
    decision: "fact",
    cause: 2,
    session: "s-1",
    turn: 1,
  });
  assert.equal(n, 5);
  assert.equal(audit.verify().intact, true);
  for (const change of [
    "cause=3 WHERE seq=5",
    "session='s-2' WHERE seq=5",
    "version=1 WHERE seq=5",
    "version=2 WHERE seq=4",
    "turn=1 WHERE seq=3",
  ]) {
    db.exec(`SAVEPOINT one; UPDATE audit SET ${change}`);
    assert.equal(audit.verify().intact, false, change);
    db.exec("ROLLBACK TO one; RELEASE one");
  }
});

test("whatever a name has in it, the record reads as it was hashed", () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: "binary", maxLength: 12 }), { minLength: 1, maxLength: 5 }), (names) => {
      const { audit } = logOf(0);
      for (const name of [...names, "\ud83d", "a\0b"])
        audit.append({ actor: name, verb: name, resource: name, decision: "fact", detail: { name } });
      assert.equal(audit.verify().intact, true);
    }),
  );
});

test("whoever listens hears of what was committed, and of nothing else", () => {
  const { db, audit } = logOf(0);
  let heard = 0;
  audit.onCommit(() => {
    heard += 1;
  });
  const entry = { actor: "system", verb: "test", resource: "x", decision: "fact" } as const;
  db.transaction(() => {
    audit.append(entry);
    assert.equal(heard, 0);
  });
  assert.equal(heard, 1);
  assert.throws(() => db.transaction(() => assert.fail(String(audit.append(entry)))));
  assert.equal(heard, 1);
});

function refused() {
  const clock = new ManualClock();
  const { db } = openStore(":memory:");
  const audit = new Audit(db, clock);
  const refuse = (actor: string, why: string, session: string | null = null) =>
    audit.refuse({ actor, verb: "test", resource: "x", detail: { why }, session });
  const whys = () =>
    audit.list(1000).map(({ actor, decision, detail }) => {
      const { why, times = 1 } = JSON.parse(detail) as { why: string; times?: number };
      return `${decision} ${actor} ${why} ${times}`;
    });
  return { clock, db, audit, refuse, whys };
}

test("a refusal that repeats is two records: the first at once, the others with their count after a minute", () => {
  const { clock, refuse, whys } = refused();
  for (let i = 0; i < 500; i++) refuse("eve", "no");
  refuse("eve", "never");
  assert.deepEqual(whys(), ["deny eve no 1", "deny eve never 1"]);
  clock.advance(60_000);
  assert.deepEqual(whys(), ["deny eve no 1", "deny eve never 1", "deny eve no 499"]);
  clock.advance(600_000);
  assert.equal(whys().length, 3, "nothing is recorded of nothing");
  refuse("eve", "no");
  assert.equal(whys().at(-1), "deny eve no 1");
});

test("a minute has a bounded number of records for each source and for all, and no refusal goes uncounted", () => {
  const { clock, refuse, whys } = refused();
  for (let i = 0; i < 10_000; i++) refuse("eve", `reason ${i}`, "s-1");
  assert.equal(whys().length, 11);
  for (let i = 0; i < 10_000; i++) refuse(`stranger ${i}`, `reason ${i}`);
  assert.ok(whys().length <= 21 * 11, `${whys().length} records`);
  clock.advance(60_000);
  assert.ok(whys().length <= 2 * 21 * 11, `${whys().length} records`);
  const counted = whys().reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
  assert.equal(counted, 20_000);
});

test("a refusal that was rolled back is recorded when it comes again; what can't be written is held on", () => {
  const { clock, db, audit, refuse, whys } = refused();
  assert.throws(() =>
    db.transaction(() => {
      refuse("eve", "no");
      throw new Error("undo");
    }),
  );
  refuse("eve", "no");
  refuse("eve", "no");
  assert.deepEqual(whys(), ["deny eve no 1"]);
  db.exec("CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'full'); END");
  clock.advance(60_000);
  db.exec("DROP TRIGGER full");
  clock.advance(60_000);
  assert.deepEqual(whys(), ["deny eve no 1", "deny eve no 1"]);
  refuse("eve", "other");
  refuse("eve", "other");
  audit.flush();
  assert.equal(whys().length, 4);
});
