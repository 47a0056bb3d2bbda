import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { headsIn } from "../../packages/audit-chain/lines.ts";
import { Audit } from "../../src/audit/audit.ts";
import type { EffectContext } from "../../src/control/execute.ts";
import type { MessagingGroupId } from "../../src/lib/ids.ts";
import { silentLog } from "../../src/lib/log.ts";
import { Database } from "../../src/lib/sqlite.ts";
import { storeOn } from "../../src/store/store.ts";
import { AGENT, ManualClock, SESSION, world } from "../../test/support/world.ts";
import { auditBook } from "./index.ts";
import { momentOf } from "./when.ts";

function folder(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), "audit-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** A host's audit log on files: `open` starts it on what an earlier one left. */
function machine(t: TestContext) {
  const dir = folder(t);
  const config = join(dir, "config");
  const database = join(dir, "v2.db");
  const clock = new ManualClock();
  const open = () => {
    const db = new Database(database);
    const store = storeOn(db);
    if (!store.groups.messagingGroup("terminal", "main")) {
      const room = { id: "m-main" as MessagingGroupId, channel: "terminal", chat: "main" };
      store.groups.addMessagingGroup({ ...room, unknownSenderPolicy: "strict" });
    }
    const audit = new Audit(db, clock);
    const book = auditBook({ store, audit, clock, log: silentLog, config });
    book.start();
    const told = () => store.outbox.list(null, 100).map(({ text }) => text);
    const entry = { actor: "system", verb: "test", resource: "x", decision: "fact" } as const;
    const write = (count: number) => db.transaction(() => Array.from({ length: count }, () => audit.append(entry)));
    const stop = () => {
      book.stop();
      db.close();
    };
    const verify = () => book.effects["audit.verify"]({}, context());
    return { db, store, audit, book, told, write, stop, verify };
  };
  const heads = join(config, "audit.heads");
  return {
    config,
    database,
    clock,
    open,
    heads,
    counters: () => headsIn(readFileSync(heads, "utf8")).map(({ counter, seq }) => [counter, seq]),
  };
}

function context(signal = new AbortController().signal): EffectContext {
  return { actor: { kind: "operator" }, signal, permit: () => {}, record: () => assert.fail("these verbs only read") };
}

test("a head is signed at the start, at the stop, a minute after a record and after a thousand, and never for nothing", async (t) => {
  const { open, clock, counters } = machine(t);
  const host = open();
  host.write(3);
  clock.advance(59_999);
  assert.throws(counters, /ENOENT/, "an empty log has no head");
  clock.advance(1);
  assert.deepEqual(counters(), [[1, 3]]);
  clock.advance(3_600_000);
  assert.equal(counters().length, 1);
  host.write(1000);
  clock.advance(0);
  assert.deepEqual(counters().at(-1), [2, 1003]);
  host.write(1);
  host.stop();
  assert.deepEqual(counters().at(-1), [3, 1004]);
  const again = open();
  assert.equal(counters().length, 3);
  assert.deepEqual(again.told(), []);
  assert.deepEqual([(await again.verify()).ok, (await again.verify()).signedUpTo], [true, 1004]);
  again.stop();
});

test("a host that was killed between the two places of a head goes on as if nothing had been", async (t) => {
  const { open, heads, counters } = machine(t);
  const first = open();
  first.write(1);
  first.stop();
  const before = readFileSync(heads);
  const second = open();
  second.write(1);
  second.stop();
  writeFileSync(heads, before);
  const third = open();
  assert.deepEqual(third.told(), []);
  assert.equal((await third.verify()).ok, true);
  assert.deepEqual(counters(), [
    [1, 1],
    [2, 2],
  ]);
  third.stop();
});

for (const [what, change, expected] of [
  ["a cut end", "DELETE FROM audit WHERE seq>2", /its end was cut off/],
  ["a changed last record", "UPDATE audit SET actor='eve', hash=randomblob(32) WHERE seq=4", /written anew/],
  ["a removed table of heads", "DELETE FROM audit_heads", /table of heads was changed/],
] as const) {
  test(`${what} is told at the start, in the terminal and in the log; nothing is signed then, and the host goes on`, async (t) => {
    const { open, counters, database } = machine(t);
    const first = open();
    first.write(4);
    first.stop();
    const db = new Database(database);
    db.exec(change);
    db.close();
    const second = open();
    assert.match(second.told()[0] ?? "", expected);
    assert.match(second.audit.list(1)[0]?.detail ?? "", expected);
    second.write(3);
    second.stop();
    assert.equal(counters().length, 1);
    const third = open();
    assert.equal((await third.verify()).ok, what === "a removed table of heads");
    third.stop();
  });
}

test("a key that others can read is made private and told; a damaged one is told, and nothing is signed; a lost one is replaced", async (t) => {
  const { open, config } = machine(t);
  const key = join(config, "audit.key");
  const first = open();
  first.write(1);
  first.stop();
  assert.equal(statSync(key).mode & 0o777, 0o600);
  const pem = readFileSync(key);
  chmodSync(key, 0o644);
  const second = open();
  assert.match(second.told()[0] ?? "", /others could read the key/);
  assert.equal(statSync(key).mode & 0o777, 0o600);
  second.stop();
  writeFileSync(key, "nothing");
  const third = open();
  assert.match((await third.verify()).note ?? "", /can't be used/);
  assert.throws(() => third.book.effects["audit.key"]({}, context()), /no key/);
  third.stop();
  writeFileSync(key, pem);
  rmSync(join(config, "audit.pub"));
  const fourth = open();
  assert.equal((await fourth.verify()).ok, true, "the public key is made again from the private one");
  fourth.stop();
});

test("a damaged file of heads is moved aside, told and written anew", async (t) => {
  const { open, heads, counters } = machine(t);
  const first = open();
  first.write(1);
  first.stop();
  writeFileSync(heads, "{}\n");
  const second = open();
  assert.match(second.told()[0] ?? "", /line 1 is no head/);
  assert.equal(readFileSync(`${heads}.damaged`, "utf8"), "{}\n");
  assert.deepEqual(counters()[0], [1, 1]);
  second.stop();
});

test("a follower is woken by commits, gets every record once and in order, and holds nothing back when it goes", async (t) => {
  const { open } = machine(t);
  const host = open();
  host.write(2);
  const gone = new AbortController();
  const lines = host.book.effects["audit.follow"]({ after: 1 }, context(gone.signal));
  const seen: number[] = [];
  const reading = (async () => {
    for await (const { n } of lines) seen.push(n);
  })();
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(seen, [2]);
  host.write(250);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(
    seen,
    Array.from({ length: 251 }, (_, i) => i + 2),
  );
  gone.abort();
  await reading;
  host.stop();
});

test("what the door records: an intent that is durable before the request, an outcome that names it, refusals merged", async () => {
  const { store, audit, clock, say } = world();
  const { RequestBook } = await import("./requests.ts");
  const book = new RequestBook({ store, audit, clock, log: silentLog });
  const turnStart = audit.append({ actor: "a", verb: "turn.start", resource: "", decision: "fact" });
  say("hello");
  store.turns.start(SESSION, 1, clock.now(), turnStart);
  const about = { session: SESSION, agentGroup: AGENT, method: "POST", host: "api.test", path: "/v1/messages" };
  const rest = { status: 200, why: "", requestBytes: 1, responseBytes: 1, ms: 1, usage: null };
  const [one, two] = await Promise.all([
    book.intend({ ...about, credential: "anthropic" }),
    book.intend({ ...about, credential: "anthropic" }),
  ]);
  assert.equal(await book.intend({ ...about, credential: null }), null);
  book.record({ ...about, ...rest, decision: "allow", intent: two });
  const records = audit.list(10).slice(1);
  assert.deepEqual(
    records.map(({ seq, verb, cause, session, turn }) => [seq, verb, cause, session, turn]),
    [
      [one, "request.begin", turnStart, SESSION, 1],
      [two, "request.begin", turnStart, SESSION, 1],
      [(two ?? 0) + 1, "request.post", two, SESSION, 1],
    ],
  );
  for (let i = 0; i < 500; i++)
    book.record({ ...about, ...rest, path: `/${i}`, status: 403, why: "no rule", decision: "deny", intent: null });
  clock.advance(60_000);
  assert.ok(audit.list(1000).length < 30);

  store.db.exec("CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'full'); END");
  await assert.rejects(book.intend({ ...about, credential: "anthropic" }), /full/);
  book.record({ ...about, ...rest, decision: "allow", intent: one });
  await assert.rejects(book.intend({ ...about, credential: null }), /full/, "nothing goes out while an outcome waits");
  store.db.exec("DROP TRIGGER full");
  clock.advance(5_000);
  assert.equal(audit.list(1)[0]?.cause, one);
  assert.equal(audit.verify().intact, true);
});

test("a moment is said as how long ago or as a date", () => {
  assert.equal(momentOf("2h", 10_000_000), 10_000_000 - 7_200_000);
  assert.equal(momentOf("2030-05-01T08:30:00Z", 0), Date.UTC(2030, 4, 1, 8, 30));
  assert.equal(momentOf("2030-05-01", 0), new Date(2030, 4, 1).getTime());
  for (const text of ["soon", "2 h", "12", "2030-99-99", "1h30m"])
    assert.throws(() => momentOf(text, 0), /is no moment/);
});
