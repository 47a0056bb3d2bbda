import assert from "node:assert/strict";
import { test } from "node:test";
import { OWNER, world } from "../../test/support/world.ts";
import type { MessagingGroupId } from "../lib/ids.ts";
import { tellOwner } from "./owner.ts";

const HOUR = 60 * 60_000;

function given() {
  const w = world();
  const id = "m-main" as MessagingGroupId;
  w.store.groups.addMessagingGroup({ id, channel: "terminal", chat: "main", unknownSenderPolicy: "strict" });
  const tell = (trouble: string, at: number, chat = "test/room") => {
    const [channel = "", room = ""] = chat.split("/");
    tellOwner(w.store, trouble, `trouble with ${trouble}`, { channel, ...(room && { chat: room }) }, at);
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
  for (const { id } of store.outbox.list(null, 9)) store.outbox.sent(id, "p", 12 * HOUR);
  tell("containers", 12 * HOUR);
  assert.equal(outbox().length, 3);
});

test("nothing is said twice where the owner hears of it anyway, and nothing where there is no terminal chat", () => {
  const { tell, outbox } = given();
  tell("containers", 0, "terminal/main");
  assert.deepEqual(outbox(), []);
  const { store } = world();
  tellOwner(store, "containers", "x", { channel: "test" }, 0);
  assert.deepEqual(store.outbox.list(null, 1), []);
});

test("an owner who writes in a chat of their own hears of it there too, but not by the channel that is in trouble", () => {
  const { tell, store } = given();
  for (const [chat, directUser] of [
    ["ann", OWNER],
    ["bob", "phone:bob"],
  ] as const) {
    const id = `m-${chat}` as MessagingGroupId;
    store.groups.addMessagingGroup({ id, channel: "phone", chat, unknownSenderPolicy: "strict", directUser });
  }
  const heard = () => store.outbox.list(null, 9).map(({ channel, chat, text }) => `${channel}/${chat}: ${text}`);
  tell("containers", 0);
  assert.deepEqual(heard(), ["terminal/main: trouble with containers", "phone/ann: trouble with containers"]);
  tell("channel:phone", 0, "phone");
  assert.deepEqual(heard().slice(0, -2), ["terminal/main: trouble with channel:phone"]);
  tell("disk", 0, "phone/ann");
  assert.equal(heard().length, 3, "who hears of it anyway");
  store.groups.setDirectUser("m-ann" as MessagingGroupId, null);
  tell("disk", 0);
  assert.deepEqual(heard().slice(0, -3), ["terminal/main: trouble with disk"]);
});

test("what could not be kept is not taken for told", () => {
  const { tell, outbox, store } = given();
  store.db.exec("CREATE TRIGGER full BEFORE INSERT ON outbox BEGIN SELECT RAISE(ABORT, 'full'); END");
  assert.throws(() => tell("containers", 0));
  store.db.exec("DROP TRIGGER full");
  tell("containers", 1);
  assert.equal(outbox().length, 1);
});
