import assert from "node:assert/strict";
import { test } from "node:test";
import { GENESIS, hashOf } from "../../packages/audit-chain/record.ts";
import { Tasks } from "../../parts/tasks/tasks.ts";
import { countingRandom, ManualClock, noGuard } from "../../test/support/world.ts";
import { Audit } from "../audit/audit.ts";
import type { Channel } from "../channels/channel.ts";
import { Misuse } from "../lib/errors.ts";
import type { SessionId } from "../lib/ids.ts";
import { silentLog } from "../lib/log.ts";
import { Database } from "../lib/sqlite.ts";
import { Delivery } from "../outbound/delivery.ts";
import { migrate, steps } from "./migrations.ts";
import { openStore, storeOn } from "./store.ts";

const SESSION = "s-1" as SessionId;

/** A database as the second step left it, with something in every table. */
function second(): Database {
  const db = new Database(":memory:");
  for (const step of steps.slice(0, 2)) db.exec(step);
  db.exec(`PRAGMA user_version = 2;
    INSERT INTO settings VALUES ('model', '"practice"');
    INSERT INTO users VALUES ('test:ann', 'Ann', 'UTC', 1);
    INSERT INTO roles VALUES ('test:ann', 'owner', '');
    INSERT INTO agent_groups VALUES ('a-1', 'main', 'Nano', 'null', NULL, NULL, 1000, 1);
    INSERT INTO messaging_groups VALUES ('m-1', 'test', 'room', 'strict');
    INSERT INTO messaging_group_agents VALUES ('m-1', 'a-1', 'always', 'shared', 0);
    INSERT INTO sessions VALUES ('s-1', 'a-1', 'test/room', 'test', 'room', NULL, NULL, 4, 3, NULL, 1, 1);
    INSERT INTO inbound_events VALUES (1, 'test', 'room', NULL, 'p1', 0, 'person', 'test:ann', 'Ann', 'one', 1, 1);
    INSERT INTO inbound_events VALUES (2, 'test', 'room', NULL, 'p2', 0, 'person', 'test:ann', 'Ann', 'two', 2, 2);
    INSERT INTO inbox VALUES ('s-1', 2, 1, 1, 'done', 1, 1);
    INSERT INTO inbox VALUES ('s-1', 4, 2, 1, 'queued', 1, NULL);
    INSERT INTO turns VALUES ('s-1', 1, 'done', 1, 2, NULL, NULL);
    INSERT INTO turn_tools VALUES ('s-1', 1, 'c', 'Bash', 'make tea', 'ok');
    INSERT INTO credentials VALUES ('x', 'api_key', x'00', 1);
    INSERT INTO terminal_messages VALUES (1, 'main', 'person', 'Ann', 'hi', '[]', 1, 'k');
    INSERT INTO scheduled_tasks VALUES ('t-1', 'a-1', 'test', 'room', NULL, 'chat', 'look', 'look',
      '{"kind":"every","ms":60000,"anchor":1}', 'UTC', 'latest', 'active', 99, 0, '', 1);
    INSERT INTO task_runs VALUES (1, 't-1', 5, 'done', 's-1', 2, 5, 6, '');`);
  const outbox = db.run.bind(
    db,
    `INSERT INTO outbox (id, session_id, turn, channel, chat, thread, author, text, answers, key, state, platform_id, created_at)
     VALUES (?, 's-1', 1, 'test', 'room', NULL, 'agent', ?, '["p1"]', ?, ?, ?, 1)`,
  );
  for (const [index, state] of ["sent", "pending", "sending", "retry", "unknown", "dead"].entries())
    outbox(index + 1, state, `k${index}`, state, state === "sent" ? "x0" : null);
  const first = { seq: 1, at: 1, actor: "operator", verb: "x", resource: "", decision: "allow", detail: "{}" } as const;
  const hash = hashOf({ ...first, cause: null, session: null, turn: null, version: 1 }, GENESIS);
  db.run("INSERT INTO audit VALUES (1, 1, 'operator', 'x', '', 'allow', '{}', ?, ?)", GENESIS, hash);
  return db;
}

test("a database of the second step keeps every row, and is the same as a new one from then on", () => {
  const db = second();
  const tables = db.all<{ name: string }>(
    "SELECT name FROM sqlite_schema WHERE type='table' AND name NOT LIKE 'sqlite_%'",
  );
  const count = () => tables.map(({ name }) => [name, db.get<{ n: number }>(`SELECT count(*) AS n FROM ${name}`)?.n]);
  const before = count();
  assert.ok(before.every(([, n]) => n !== 0));
  const store = storeOn(db);
  assert.deepEqual(count(), before);
  assert.equal(new Audit(db, new ManualClock()).verify().intact, true);
  assert.deepEqual(db.all("PRAGMA foreign_key_check"), []);
  const [row] = store.inbox.unfinished(SESSION);
  assert.deepEqual([row?.number, row?.change, row?.about, row?.files], [4, "said", null, []]);
  assert.equal(store.sessions.stoppedUpTo(SESSION), 0);
  assert.equal(new Tasks(store.db).list(9).length, 1);
  assert.equal(store.outbox.openDraft(SESSION), undefined);
  assert.deepEqual(store.outbox.outcomes(SESSION, 4), [], "old messages have no number to tell them by");
  const shape = ({ db }: { db: Database }) =>
    db.all("SELECT type, name, tbl_name FROM sqlite_schema ORDER BY type, name");
  assert.deepEqual(shape(store), shape(openStore(":memory:")));
  migrate(db);
});

test("old messages that were on their way are delivered, in their order, and new ones after them", async () => {
  const store = storeOn(second());
  const clock = new ManualClock();
  const sent: string[] = [];
  const channel = {
    id: "test",
    capabilities: { maxLength: 4000, idempotency: { kind: "none" }, edits: true },
    send: async (_address: unknown, { text }: { text: string }) => ({ platformId: `x${sent.push(text)}` }),
    edit: () => assert.fail("there is no draft"),
  } as unknown as Channel;
  const delivery = new Delivery({
    ...{ store, clock, audit: new Audit(store.db, clock), random: countingRandom(), log: silentLog, guard: noGuard },
    ...{ channel: () => channel, drafts: { settled: async () => {} }, onTrouble: () => assert.fail() },
  });
  delivery.start();
  const address = { channel: "test", chat: "room", thread: null };
  const said = { sessionId: SESSION, turn: 3, address, author: "agent", text: "new", key: "new" } as const;
  store.outbox.add({ ...said, answers: [], over: store.outbox.closeDraft(SESSION, 1) }, clock.now());
  for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(
    sent.map((text) => text.split("\n").at(-1)),
    ["pending", "sending", "retry", "new"],
  );
  assert.equal(store.outbox.reopen(6), true);
});

test("a database of a newer NanoClaw is left as it is", () => {
  const db = new Database(":memory:");
  db.exec("PRAGMA user_version = 99");
  assert.throws(() => migrate(db), Misuse);
  assert.deepEqual(db.all("SELECT * FROM sqlite_schema"), []);
});

test("a step that is cut off leaves nothing of itself, and is made again", () => {
  const db = second();
  db.exec("CREATE TABLE pairings (x TEXT)");
  assert.throws(() => migrate(db));
  assert.equal(db.get<{ user_version: number }>("PRAGMA user_version")?.user_version, 2);
  assert.equal(db.get("SELECT 1 FROM pragma_table_info('outbox') WHERE name='kind'"), undefined);
  db.exec("DROP TABLE pairings");
  migrate(db);
  assert.equal(db.get<{ user_version: number }>("PRAGMA user_version")?.user_version, steps.length);
});
