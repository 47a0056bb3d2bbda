/** After hours away, when Slack has long given up: what was said is there, in its order, and nothing twice. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { roomOn, until } from "./testing/room.ts";
import { asTs, BOT } from "./testing/workspace.ts";

const isTaken = ({ deliveries }: { deliveries: { taken: boolean }[] }) => deliveries.every(({ taken }) => taken);

test("what was said while it was away is heard before what is said then, threads included", async (t) => {
  const { emulator, direct, room, texts, kept, start } = await roomOn(t);
  const { workspace } = emulator;
  const channel = await start();
  workspace.say(direct, "before");
  const call = workspace.say(room, `<@${BOT.id}> a question`);
  await until(() => texts().length === 2 && isTaken(emulator));
  await channel.stop();
  emulator.muted = true;
  workspace.say(direct, "first");
  workspace.say(room, "in the thread", { thread_ts: call.ts });
  const later = workspace.say(room, "another thread");
  workspace.say(room, "in another thread", { thread_ts: later.ts });
  const mistake = workspace.say(direct, "secnd");
  workspace.edit(mistake, "second");
  workspace.delete(workspace.say(direct, "deleted again"));
  emulator.muted = false;
  emulator.forget();
  await start();
  workspace.say(direct, "now");
  await until(() => texts().includes("now") && texts().includes("in another thread"));
  const inChat = (chat: string) => [...kept.values()].filter(({ address }) => address.chat === chat);
  assert.deepEqual(
    inChat(direct.id).map(({ text }) => text),
    ["before", "first", "second", "now"],
  );
  assert.deepEqual(
    inChat(room.id).map(({ text, address, change }) => [text, address.thread, change]),
    [
      [`@${BOT.name} a question`, call.ts, "said"],
      ["in the thread", call.ts, "said"],
      ["another thread", null, "said"],
      ["in another thread", later.ts, "said"],
    ],
  );
});

test("a connection that was gone for long is made good without a restart", async (t) => {
  const { emulator, direct, texts, start } = await roomOn(t);
  const { workspace } = emulator;
  const channel = await start();
  workspace.say(direct, "before");
  await until(() => texts().length === 1 && isTaken(emulator));
  await emulator.down();
  emulator.muted = true;
  for (let n = 0; n < 30; n++) workspace.say(direct, `${n}`);
  emulator.muted = false;
  await until(() => channel.health().state === "down");
  await emulator.up();
  await until(() => texts().length === 31);
  assert.deepEqual(
    texts().slice(1),
    Array.from({ length: 30 }, (_, n) => `${n}`),
  );
});

test("by calls of Slack's too, what was missed is read at the start", async (t) => {
  const { emulator, direct, texts, start } = await roomOn(t, "webhook");
  const channel = await start();
  emulator.workspace.say(direct, "before");
  await until(() => texts().length === 1);
  await channel.stop();
  emulator.muted = true;
  emulator.workspace.say(direct, "missed");
  emulator.muted = false;
  await start();
  await until(() => texts().length === 2);
});

test("chats that the host wants nothing of are not read, nor kept in mind", async (t) => {
  const { emulator, room, parts, rules, told, start } = await roomOn(t);
  rules.judge = () => ({ status: "ignored", why: "no agent is wired to this chat" });
  const channel = await start();
  emulator.workspace.say(room, "chatter");
  await until(() => told.length === 1 && isTaken(emulator));
  await channel.stop();
  await start();
  assert.ok(!emulator.calls.includes("conversations.history"));
  assert.deepEqual([parts.memory.get("chats"), parts.memory.get(`reached:${room.id}`)], [null, null]);
});

test("what comes after a chat could not be read does not hide what was missed there", async (t) => {
  const { emulator, direct, texts, start } = await roomOn(t);
  const { workspace } = emulator;
  // Long enough ago that it would not be read again anyway.
  const minutes = (ago: number) => ({ ts: asTs(Date.now() * 1_000 - ago * 60_000_000) });
  const channel = await start();
  workspace.say(direct, "before", minutes(60));
  await until(() => texts().length === 1 && isTaken(emulator));
  await channel.stop();
  emulator.muted = true;
  workspace.say(direct, "missed", minutes(30));
  emulator.muted = false;
  for (let tries = 0; tries < 5; tries++) emulator.fault("conversations.history", { kind: "status", status: 500 });
  const again = await start();
  workspace.say(direct, "now");
  await until(() => texts().includes("now") && isTaken(emulator));
  assert.ok(!texts().includes("missed"));
  await again.stop();
  await start();
  await until(() => texts().includes("missed"));
});

test("a chat that asks to be read more slowly is, and a thread that is gone costs nothing", async (t) => {
  const { emulator, room, direct, texts, start } = await roomOn(t);
  const { workspace } = emulator;
  const channel = await start();
  const call = workspace.say(room, `<@${BOT.id}> hi`);
  workspace.say(direct, "before");
  await until(() => texts().length === 2 && isTaken(emulator));
  await channel.stop();
  emulator.muted = true;
  workspace.delete(call);
  workspace.say(room, "one");
  workspace.say(direct, "two");
  emulator.muted = false;
  emulator.forget();
  for (let tries = 0; tries < 2; tries++)
    emulator.fault("conversations.history", { kind: "status", status: 429, headers: { "retry-after": "3" } });
  await start();
  await until(() => texts().length === 4);
  assert.deepEqual(texts().slice(2).toSorted(), ["one", "two"]);
});

test("more than is read is left out, the oldest first", async (t) => {
  const { emulator, direct, texts, start } = await roomOn(t);
  const channel = await start();
  emulator.workspace.say(direct, "before");
  await until(() => texts().length === 1 && isTaken(emulator));
  await channel.stop();
  emulator.muted = true;
  for (let n = 0; n < 1_100; n++) emulator.workspace.say(direct, `${n}`);
  emulator.muted = false;
  await start();
  await until(() => texts().length >= 1_001);
  assert.deepEqual([texts().length, texts()[1], texts().at(-1)], [1_001, "100", "1099"]);
});

test("of many chats and threads those that were spoken in last are kept in mind", async (t) => {
  const { emulator, parts, room, told, start } = await roomOn(t);
  const { workspace } = emulator;
  const channel = await start();
  for (let n = 0; n < 120; n++) workspace.say(workspace.add({ id: `C${n}CHAT` }), "hi");
  for (let n = 0; n < 30; n++) workspace.say(room, `<@${BOT.id}> ${n}`);
  await until(() => told.length === 150 && isTaken(emulator));
  const chats = JSON.parse(parts.memory.get("chats") ?? "[]") as string[];
  assert.equal(chats.length, 100);
  assert.ok(chats.includes(room.id) && !chats.includes("C0CHAT"));
  assert.equal(parts.memory.get("reached:C0CHAT"), null);
  assert.equal(JSON.parse(parts.memory.get(`reached:${room.id}`) ?? "{}").threads.length, 20);
  await channel.stop();
});
