import assert from "node:assert/strict";
import { test } from "node:test";
import type { ChannelEvent } from "../../src/channels/channel.ts";
import type { TerminalEvent } from "../../src/channels/terminal.ts";
import { Retryable } from "../../src/lib/errors.ts";
import { world } from "../../test/support/world.ts";
import { TerminalChannel } from "./terminal.ts";

async function given() {
  const { store, clock } = world();
  const terminal = new TerminalChannel(store.db, clock, () => "Nano");
  const accepted: ChannelEvent[] = [];
  await terminal.start({
    accept: async (event) => {
      accepted.push(event);
      return { status: "accepted" };
    },
    press: async () => "",
  });
  const address = { channel: "terminal", chat: "main", thread: null };
  const answer = (text: string, key: string, answers: string[] = []) =>
    terminal.send(address, { text, author: "agent", answers, files: [], buttons: [] }, key);
  return { terminal, accepted, address, answer };
}

test("what a person says is in the log before it is accepted, and once however often it is said", async () => {
  const { terminal, accepted } = await given();
  const first = await terminal.say("main", "Ann", "hello", "key-0001");
  const again = await terminal.say("main", "Ann", "hello", "key-0001");
  assert.equal(again.n, first.n);
  assert.deepEqual(
    accepted.map((event) => event.platformId),
    [String(first.n), String(first.n)],
  );
  assert.equal(terminal.history("main", 0, null).length, 1);
});

test("the same key sends a message once, and the receipt is the same", async () => {
  const { terminal, answer } = await given();
  const first = await answer("hi", "k1", ["7", "junk"]);
  assert.deepEqual(await answer("hi", "k1"), first);
  assert.deepEqual(
    terminal.history("main", 0, null).map(({ text, from, answers }) => ({ text, from, answers })),
    [{ text: "hi", from: "Nano", answers: [7] }],
  );
});

test("a person's key and the host's key don't meet", async () => {
  const { terminal, answer } = await given();
  await terminal.say("main", "Ann", "hello", "same-key");
  await answer("hi", "same-key");
  assert.equal(terminal.history("main", 0, null).length, 2);
});

test("followers of a chat see its messages and drafts as they come, others don't", async () => {
  const { terminal, answer, address } = await given();
  const [here, elsewhere]: [TerminalEvent[], TerminalEvent[]] = [[], []];
  const unfollow = terminal.follow("main", (event) => here.push(event));
  terminal.follow("other", (event) => elsewhere.push(event));
  terminal.draft(address, { turn: "t", text: "h", activity: "" });
  await answer("hi", "k1");
  unfollow();
  await answer("gone", "k2");
  assert.deepEqual(
    here.map((event) => event.type),
    ["draft", "message"],
  );
  assert.deepEqual(elsewhere, []);
});

test("history begins after a number, or with the last few", async () => {
  const { terminal, answer } = await given();
  for (let i = 1; i <= 5; i++) await answer(`m${i}`, `k${i}`);
  const texts = (after: number, tail: number | null) => terminal.history("main", after, tail).map(({ text }) => text);
  assert.deepEqual(texts(3, null), ["m4", "m5"]);
  assert.deepEqual(texts(0, 2), ["m4", "m5"]);
});

test("before the start and after the stop it says so, and keeps nothing", async () => {
  const { terminal } = await given();
  await terminal.stop();
  await assert.rejects(terminal.say("main", "Ann", "hello", "key-0002"), Retryable);
  assert.deepEqual(terminal.history("main", 0, null), []);
});
