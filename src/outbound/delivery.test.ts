import assert from "node:assert/strict";
import { test } from "node:test";
import { countingRandom, SESSION, world } from "../../test/support/world.ts";
import type { Capabilities, Channel, OutgoingMessage } from "../channels/channel.ts";
import { Rejected, Retryable } from "../lib/errors.ts";
import { silentLog } from "../lib/log.ts";
import { Delivery } from "./delivery.ts";

/** A platform in memory: `behave` may throw, or wait. */
function given(idempotency: Capabilities["idempotency"], behave: (message: OutgoingMessage) => Promise<void> | void) {
  const w = world();
  const sent: { chat: string; text: string; key: string }[] = [];
  const channel: Channel = {
    id: "test",
    credentials: null,
    capabilities: {
      ...{ threads: true, edits: false, reactions: false, buttons: false, files: false, typing: false },
      ...{ maxLength: 4000, markup: "none", idempotency },
    },
    start: async () => {},
    stop: async () => {},
    health: () => ({ state: "up", detail: "" }),
    send: async (address, message, key) => {
      await behave(message);
      sent.push({ chat: address.chat, text: message.text, key });
      return { platformId: `x${sent.length}` };
    },
  };
  const delivery = new Delivery({ ...w, random: countingRandom(), log: silentLog, channel: () => channel });
  const add = (text: string, chat = "room") =>
    w.store.outbox.add(
      {
        ...{ sessionId: SESSION, turn: null, author: "agent", answers: [], text, key: `k-${text}` },
        address: { channel: "test", chat, thread: null },
      },
      w.clock.now(),
    );
  const settle = async () => {
    for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve));
  };
  return { ...w, sent, delivery, add, settle, states: () => w.store.outbox.list(null, 100).map((row) => row.state) };
}

test("messages of a conversation arrive in order, one at a time; another conversation does not wait", async () => {
  let release = () => {};
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  const g = given({ kind: "none" }, (message) => (message.text === "a1" ? gate : undefined));
  g.delivery.start();
  g.add("a1");
  g.add("a2");
  g.add("b1", "other");
  await g.settle();
  assert.deepEqual(
    g.sent.map((row) => row.text),
    ["b1"],
  );
  release();
  await g.settle();
  assert.deepEqual(
    g.sent.map((row) => row.text),
    ["b1", "a1", "a2"],
  );
});

test("a platform that says later is asked again then, with the same key, and holds the conversation's order", async () => {
  let refusals = 2;
  const g = given({ kind: "none" }, () => {
    if (refusals-- > 0) throw new Retryable("slow down", 7_000);
  });
  g.delivery.start();
  g.add("one");
  g.add("two");
  await g.settle();
  g.clock.advance(6_999);
  await g.settle();
  assert.equal(g.sent.length, 0);
  g.clock.advance(20_000);
  await g.settle();
  g.clock.advance(20_000);
  await g.settle();
  assert.deepEqual(
    g.sent.map((row) => row.key),
    ["k-one", "k-two"],
  );
});

test("a refused message is dead and does not hold up the next one", async () => {
  const g = given({ kind: "none" }, (message) => {
    if (message.text === "bad") throw new Rejected("chat not found");
  });
  g.delivery.start();
  g.add("bad");
  g.add("good");
  await g.settle();
  assert.deepEqual(g.states(), ["sent", "dead"]);
});

test("a lost answer: repeated once, marked; lost again it is unknown, and repeated by hand, marked", async () => {
  let lost = 2;
  const g = given({ kind: "none" }, () => {
    if (lost-- > 0) throw new Error("socket closed");
  });
  g.delivery.start();
  g.add("one");
  for (let i = 0; i < 3; i++) {
    await g.settle();
    g.clock.advance(3_600_000);
  }
  await g.settle();
  assert.deepEqual(g.states(), ["unknown"]);
  assert.equal(g.store.outbox.reopen(1), true);
  await g.settle();
  assert.deepEqual(g.states(), ["sent"]);
  assert.match(g.sent[0]?.text ?? "", /^\(Repeated/);
});

test("a lost answer where the platform remembers keys: sent again as it is, with its key", async () => {
  let lost = true;
  const g = given({ kind: "key", validFor: 3_600_000 }, () => {
    if (lost) throw new Error("socket closed");
  });
  g.delivery.start();
  g.add("one");
  await g.settle();
  lost = false;
  g.clock.advance(10_000);
  await g.settle();
  assert.deepEqual(g.sent, [{ chat: "room", text: "one", key: "k-one" }]);
});

test("what may have arrived keeps its mark when the platform says later", async () => {
  const answers = [new Error("socket closed"), new Retryable("slow down", 5_000)];
  const g = given({ kind: "none" }, () => {
    const answer = answers.shift();
    if (answer) throw answer;
  });
  g.delivery.start();
  g.add("one");
  for (let i = 0; i < 3; i++) {
    await g.settle();
    g.clock.advance(60_000);
  }
  await g.settle();
  assert.equal(g.sent.length, 1);
  assert.match(g.sent[0]?.text ?? "", /^\(Repeated/);
});

for (const [kind, idempotency, expected] of [
  ["that remembers keys is sent again as it is", { kind: "key", validFor: 60_000 }, "hi"],
  [
    "without keys is repeated once, marked",
    { kind: "none" },
    "(Repeated: I can't tell whether this arrived before.)\n\nhi",
  ],
] as [string, Capabilities["idempotency"], string][]) {
  test(`what a killed host left in sending, on a platform ${kind}`, async () => {
    const g = given(idempotency, () => {});
    g.add("hi");
    g.store.outbox.claim(1);
    g.delivery.start();
    await g.settle();
    assert.deepEqual(g.sent, [{ chat: "room", text: expected, key: "k-hi" }]);
  });
}
