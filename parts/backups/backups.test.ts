import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { MessagingGroupId } from "../../src/lib/ids.ts";
import { silentLog } from "../../src/lib/log.ts";
import { SESSION, world } from "../../test/support/world.ts";
import { settleRestored } from "./index.ts";

function given(t: { after(run: () => void): void }) {
  const data = mkdtempSync(join(tmpdir(), "nanoclaw-restored-"));
  t.after(() => rmSync(data, { recursive: true }));
  const w = world();
  const main = {
    id: "m-main" as MessagingGroupId,
    channel: "terminal",
    chat: "main",
    unknownSenderPolicy: "strict",
  } as const;
  w.store.groups.addMessagingGroup(main);
  const say = (key: string) => {
    const said = { sessionId: SESSION, turn: 1, address: w.session, author: "agent", text: "x" } as const;
    w.store.outbox.add({ ...said, answers: [], key }, w.clock.now());
  };
  return {
    ...w,
    sends: say,
    note: join(data, "restored.json"),
    start: () => settleRestored({ ...w, log: silentLog, data }),
  };
}

test("after a restore nothing that was on its way goes out or is answered again, and the owner is told", (t) => {
  const { say, sends, store, audit, outbox, note, start } = given(t);
  say("one");
  const taken = say("two");
  store.turns.start(SESSION, 1, 0);
  store.inbox.intoTurn(SESSION, [taken], 1);
  for (const key of ["a", "b", "c"]) sends(key);
  store.outbox.claim(2, 1);
  store.outbox.sent(3, "p", 1);
  writeFileSync(note, JSON.stringify({ madeAt: 7 }));
  start();
  assert.equal(store.inbox.hasWork(SESSION), false);
  assert.equal(store.turns.running(SESSION), null);
  assert.deepEqual(
    [1, 2, 3].map((id) => store.outbox.row(id)?.state),
    ["unknown", "unknown", "sent"],
  );
  assert.match(outbox().at(-1) ?? "", /restored from a backup\. 2 messages .* again .*; 2 that had no answer/);
  const [record] = audit.list(10);
  assert.deepEqual(
    [record?.verb, JSON.parse(record?.detail ?? "{}")],
    ["backup.restore", { madeAt: 7, unsent: 2, unanswered: 2 }],
  );
  assert.equal(existsSync(note), false);
  assert.equal(store.outbox.reopen(1), true, "a person may send it after all");
});

test("without a restore nothing is touched; one of a quiet installation has nothing to tell", (t) => {
  const { say, outbox, store, audit, note, start } = given(t);
  say("one");
  start();
  assert.equal(store.inbox.hasWork(SESSION), true);
  assert.deepEqual(audit.list(10), []);
  store.inbox.endAll(SESSION, "done");
  writeFileSync(note, JSON.stringify({ madeAt: 7 }));
  start();
  assert.deepEqual(outbox(), []);
  assert.equal(audit.list(10).length, 1);
});

test("a note that is none stops the start and is kept: nothing goes out by mistake", (t) => {
  const { note, start } = given(t);
  writeFileSync(note, "{}");
  assert.throws(start);
  assert.equal(existsSync(note), true);
});
