import assert from "node:assert/strict";
import { test } from "node:test";
import { world } from "../../test/support/world.ts";
import type { MessagingGroupId } from "../lib/ids.ts";
import { tellOwner } from "./owner.ts";

const HOUR = 60 * 60_000;

function given() {
  const w = world();
  const id = "m-main" as MessagingGroupId;
  w.store.groups.addMessagingGroup({ id, channel: "terminal", chat: "main", unknownSenderPolicy: "strict" });
  const tell = (trouble: string, at: number, chat = "test/room") => {
    const [channel = "", room = ""] = chat.split("/");
    tellOwner(w.store, trouble, `trouble with ${trouble}`, { channel, chat: room, thread: null }, at);
  };
  return { ...w, tell };
}

test("the owner hears of trouble in the terminal, once for as long as it lasts", () => {
  const { tell, outbox, store } = given();
  // Also over the hours at which a day is cut.
  for (const at of [5.9 * HOUR, 6.1 * HOUR, 11.8 * HOUR]) tell("containers", at);
  tell("channel:x", 6.1 * HOUR);
  assert.deepEqual(outbox(), ["system: trouble with containers", "system: trouble with channel:x"]);
  assert.equal(store.outbox.list(null, 1)[0]?.channel, "terminal");
  tell("containers", 12 * HOUR);
  assert.equal(outbox().length, 3);
});

test("nothing is said twice where the owner hears of it anyway, and nothing where there is no terminal chat", () => {
  const { tell, outbox } = given();
  tell("containers", 0, "terminal/main");
  assert.deepEqual(outbox(), []);
  const { store } = world();
  tellOwner(store, "containers", "x", null, 0);
  assert.deepEqual(store.outbox.list(null, 1), []);
});

test("what could not be kept is not taken for told", () => {
  const { tell, outbox, store } = given();
  store.db.exec("CREATE TRIGGER full BEFORE INSERT ON outbox BEGIN SELECT RAISE(ABORT, 'full'); END");
  assert.throws(() => tell("containers", 0));
  store.db.exec("DROP TRIGGER full");
  tell("containers", 1);
  assert.equal(outbox().length, 1);
});
