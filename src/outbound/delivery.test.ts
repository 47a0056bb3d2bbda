import assert from "node:assert/strict";
import { test } from "node:test";
import { countingRandom, SESSION, world } from "../../test/support/world.ts";
import type { FlowGuard } from "../access/flow-guard.ts";
import type { Capabilities, Channel, OutgoingMessage } from "../channels/channel.ts";
import { Rejected, Retryable, Unknown } from "../lib/errors.ts";
import type { MessagingGroupId } from "../lib/ids.ts";
import { silentLog } from "../lib/log.ts";
import type { NewOutboxRow } from "../store/outbox.ts";
import { Delivery } from "./delivery.ts";

/** A platform in memory: `behave` may throw, or wait. */
function given(
  idempotency: Capabilities["idempotency"],
  behave: (message: OutgoingMessage) => Promise<void> | void,
  change: Partial<Channel> & { maxLength?: number; withButtons?: boolean; guard?: Pick<FlowGuard, "say"> } = {},
) {
  const w = world();
  const sent: { chat: string; text: string; key: string }[] = [];
  const buttons: string[][] = [];
  const edited: { platformId: string; text: string }[] = [];
  const trouble: [text: string, tries: number, why: string][] = [];
  const { maxLength = 4000, withButtons = false, guard = w.guard, ...more } = change;
  const channel: Channel = {
    id: "test",
    capabilities: {
      ...{ threads: true, edits: false, reactions: false, buttons: withButtons, files: false, typing: false },
      ...{ maxLength, markup: "none", previews: true, idempotency },
    },
    start: async () => {},
    stop: async () => {},
    health: () => ({ state: "up", detail: "" }),
    send: async (address, message, key) => {
      await behave(message);
      sent.push({ chat: address.chat, text: message.text, key });
      buttons.push(message.buttons.map(({ label }) => label));
      return { platformId: `x${sent.length}` };
    },
    edit: async (_address, platformId, message) => {
      await behave(message);
      edited.push({ platformId, text: message.text });
    },
    ...more,
  };
  let isThere = true;
  const delivery = new Delivery({
    ...{ ...w, guard, random: countingRandom(), log: silentLog, channel: () => (isThere ? channel : undefined) },
    drafts: { settled: async () => {} },
    onTrouble: (row, tries, why) => trouble.push([row.text, tries, why]),
  });
  /** @returns the row's id */
  const add = (text: string, chat = "room", more: Partial<NewOutboxRow> = {}) => {
    w.store.outbox.add(
      {
        ...{ sessionId: SESSION, turn: null, author: "agent", answers: [], text, key: `k-${text.slice(0, 20)}` },
        address: { channel: "test", chat, thread: null },
        ...more,
      },
      w.clock.now(),
    );
    return w.store.outbox.list(null, 1)[0]?.id ?? 0;
  };
  const settle = async () => {
    for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve));
  };
  const there = (yes: boolean) => {
    isThere = yes;
  };
  /** A draft that stands there, and the answer that takes its place. */
  const addAnswer = (text: string, reach: (draft: number) => void) => {
    const draft = add("so far …", "room", { kind: "draft", key: "draft" });
    reach(draft);
    const over = w.store.outbox.closeDraft(SESSION, w.clock.now());
    return { draft, answer: add(text, "room", { over, key: "answer" }) };
  };
  const state = (id: number) => w.store.outbox.row(id)?.state;
  return {
    ...{ ...w, sent, buttons, edited, trouble, delivery, add, addAnswer, settle, there, state },
    texts: () => sent.map(({ text }) => text),
    states: () => w.store.outbox.list(null, 100).map((row) => row.state),
  };
}

const never = () => assert.fail("this is not asked for");

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

test("a notice does not wait behind a message that is stuck, nor the messages behind a notice; each kind keeps its order", async () => {
  const g = given({ kind: "none" }, ({ text }) => {
    if (text === "stuck") throw new Retryable("slow down", 60_000);
  });
  const address = { channel: "test", chat: "room", thread: null };
  const notify = (text: string) => g.store.outbox.notify({ address, text, key: `n-${text}` }, g.clock.now());
  g.delivery.start();
  g.add("stuck");
  g.add("after it");
  notify("one");
  notify("two");
  await g.settle();
  assert.deepEqual(g.texts(), ["one", "two"]);
  notify("stuck");
  await g.settle();
  assert.equal(g.sent.length, 2);
});

test("equal notices that nobody has read yet are one; one that was read is said again", async () => {
  let closed = true;
  const g = given({ kind: "none" }, () => {
    if (closed) throw new Retryable("not now", 1_000);
  });
  const say = (chat: string, key: string) =>
    g.store.outbox.notify({ address: { channel: "test", chat, thread: null }, text: "wait", key }, g.clock.now());
  g.delivery.start();
  for (let i = 0; i < 10; i++) say("room", `k${i}`);
  say("other", "o");
  await g.settle();
  closed = false;
  g.clock.advance(2_000);
  await g.settle();
  assert.deepEqual(g.sent.map(({ chat }) => chat).sort(), ["other", "room"]);
  say("room", "later");
  await g.settle();
  assert.equal(g.sent.length, 3);
});

test("equal notices that each answer a message are each said: no message goes without its end", async () => {
  let closed = true;
  const answered: string[] = [];
  const g = given({ kind: "none" }, ({ answers }) => {
    if (closed) throw new Retryable("not now", 1_000);
    answered.push(...answers);
  });
  const address = { channel: "test", chat: "room", thread: null };
  g.delivery.start();
  for (const id of ["p1", "p2"])
    g.store.outbox.notify({ address, text: "held back", answers: [id], key: id }, g.clock.now());
  await g.settle();
  closed = false;
  g.clock.advance(2_000);
  await g.settle();
  assert.deepEqual(answered, ["p1", "p2"]);
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
    g.store.outbox.claim(1, g.clock.now());
    g.delivery.start();
    await g.settle();
    assert.deepEqual(g.sent, [{ chat: "room", text: expected, key: "k-hi" }]);
  });
}

const LONG = Array.from({ length: 10 }, (_, i) => `${i} ${"word ".repeat(18)}`).join("\n");

test("a long text goes out in parts, each with its own key, in order, before what was said after it", async () => {
  const g = given({ kind: "none" }, () => {}, { maxLength: 300 });
  g.delivery.start();
  g.add(LONG);
  g.add("after");
  await g.settle();
  assert.ok(g.sent.length > 3);
  assert.ok(g.texts().every((text) => text.length <= 300));
  assert.equal(g.texts().slice(0, -1).join("\n").replace(/\s+/g, " "), LONG.trim().replace(/\s+/g, " "));
  assert.equal(g.texts().at(-1), "after");
  assert.equal(new Set(g.sent.map(({ key }) => key)).size, g.sent.length);
});

test("a part that the platform refuses does not take the others with it", async () => {
  const g = given(
    { kind: "none" },
    ({ text }) => {
      if (text.includes("3 word")) throw new Rejected("bad word");
    },
    { maxLength: 300 },
  );
  g.delivery.start();
  g.add(LONG);
  await g.settle();
  assert.equal(g.states().filter((state) => state === "dead").length, 1);
  assert.ok(g.texts().some((text) => text.includes("0 word")) && g.texts().some((text) => text.includes("9 word")));
});

test("what is repeated stays within the platform's limit with its mark, also where there was just room without it", async () => {
  const g = given({ kind: "none" }, () => {}, { maxLength: 300 });
  g.add("word ".repeat(58).trim());
  g.store.outbox.claim(1, g.clock.now());
  g.delivery.start();
  await g.settle();
  assert.match(g.texts()[0] ?? "", /^\(Repeated/);
  assert.ok(g.texts().every((text) => text.length <= 300));
  assert.equal(g.texts().join(" ").match(/word/g)?.length, 58);
});

test("where a message can be looked for, it is, and sent again, unmarked, only if it is not there", async () => {
  for (const found of [true, false]) {
    const g = given({ kind: "reconcile" }, () => {}, {
      reconcile: async (_address, key) => (found ? { platformId: `found-${key}` } : null),
    });
    g.add("hi");
    g.store.outbox.claim(1, g.clock.now());
    g.delivery.start();
    await g.settle();
    assert.deepEqual(g.texts(), found ? [] : ["hi"]);
    assert.equal(g.state(1), "sent");
    assert.equal(g.store.outbox.row(1)?.platformId, found ? "found-k-hi" : "x1");
  }
});

test("a look that fails is made again, and nothing is sent before it has an answer", async () => {
  let fails = 3;
  const g = given({ kind: "reconcile" }, () => {}, {
    reconcile: async () => {
      if (fails-- > 0) throw new Error("socket closed");
      return null;
    },
  });
  g.add("hi");
  g.store.outbox.claim(1, g.clock.now());
  g.delivery.start();
  for (let i = 0; i < 5; i++) {
    await g.settle();
    g.clock.advance(60_000);
  }
  await g.settle();
  assert.deepEqual(g.texts(), ["hi"]);
});

test("an answer takes the place of a draft that stands there, and can be changed by its number later", async () => {
  const g = given({ kind: "none" }, () => {});
  const { answer } = g.addAnswer("the answer", (draft) => g.store.outbox.sent(draft, "d1", 1));
  g.delivery.start();
  g.add("changed", "room", { kind: "edit", over: answer, key: "edit" });
  await g.settle();
  assert.deepEqual(g.edited, [
    { platformId: "d1", text: "the answer" },
    { platformId: "d1", text: "changed" },
  ]);
  assert.deepEqual(g.texts(), []);
});

for (const [reached, reach] of [
  ["not sent", () => {}],
  ["refused", (g, draft) => g.store.outbox.end(draft, "dead", "no", 1)],
  ["never heard of again", (g, draft) => g.store.outbox.end(draft, "unknown", "no", 1)],
  ["to be tried again", (g, draft) => g.store.outbox.again(draft, "retry", 5, "slow down")],
] as [string, (g: ReturnType<typeof given>, draft: number) => void][]) {
  test(`an answer whose draft was ${reached} is said by itself, once, and the draft is not`, async () => {
    const g = given({ kind: "none" }, () => {}, { edit: never });
    g.addAnswer("the answer", (draft) => reach(g, draft));
    g.delivery.start();
    await g.settle();
    assert.deepEqual(g.texts(), ["the answer"]);
  });
}

test("a draft that is on its way when its answer comes and is put off then is not sent any more", async () => {
  let release = () => {};
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  const g = given({ kind: "none" }, async ({ text }) => {
    if (!text.startsWith("so far")) return;
    await gate;
    throw new Retryable("slow down", 1_000);
  });
  g.delivery.start();
  const draft = g.add("so far …", "room", { kind: "draft", key: "draft" });
  await g.settle();
  assert.equal(g.state(draft), "sending");
  g.add("the answer", "room", { over: g.store.outbox.closeDraft(SESSION, g.clock.now()), key: "answer" });
  release();
  await g.settle();
  g.clock.advance(5_000);
  await g.settle();
  assert.deepEqual(g.texts(), ["the answer"]);
  assert.equal(g.state(draft), "dead");
});

test("a draft that a killed host left in sending: the answer takes its place", async () => {
  const g = given({ kind: "key", validFor: 60_000 }, () => {});
  g.addAnswer("the answer", (draft) => g.store.outbox.claim(draft, g.clock.now()));
  g.delivery.start();
  await g.settle();
  assert.deepEqual(g.texts(), ["so far …"]);
  assert.deepEqual(g.edited, [{ platformId: "x1", text: "the answer" }]);
});

test("an answer that is too long for the draft's place has its first part there and the others after it", async () => {
  const g = given({ kind: "none" }, () => {}, { maxLength: 300 });
  g.addAnswer(LONG, (draft) => g.store.outbox.sent(draft, "d1", 1));
  g.delivery.start();
  g.add("after");
  await g.settle();
  assert.equal(g.edited.length, 1);
  assert.match(g.edited[0]?.text ?? "", /^0 word/);
  assert.match(g.texts().at(-2) ?? "", /9 word/);
  assert.equal(g.texts().at(-1), "after");
});

test("an answer that is refused in the draft's place is said anew; one that is refused there too is dead", async () => {
  const once = given({ kind: "none" }, () => {}, {
    edit: async () => {
      throw new Rejected("too old to be changed");
    },
  });
  once.addAnswer("the answer", (draft) => once.store.outbox.sent(draft, "d1", 1));
  once.delivery.start();
  await once.settle();
  assert.deepEqual(once.texts(), ["the answer"]);

  let tries = 0;
  const gone = given({ kind: "none" }, () => {
    tries += 1;
    throw new Rejected("the chat is gone");
  });
  const { answer } = gone.addAnswer("the answer", (draft) => gone.store.outbox.sent(draft, "d1", 1));
  gone.delivery.start();
  await gone.settle();
  assert.equal(gone.state(answer), "dead");
  assert.equal(tries, 2);
  assert.deepEqual(
    gone.trouble.map(([text]) => text),
    ["the answer"],
  );
});

test("a lost answer to an edit is no reason to mark it: it is made again", async () => {
  let lost = 2;
  const g = given({ kind: "none" }, () => {
    if (lost-- > 0) throw new Unknown("socket closed");
  });
  g.addAnswer("the answer", (draft) => g.store.outbox.sent(draft, "d1", 1));
  g.delivery.start();
  for (let i = 0; i < 3; i++) {
    await g.settle();
    g.clock.advance(60_000);
  }
  await g.settle();
  assert.deepEqual(g.edited, [{ platformId: "d1", text: "the answer" }]);
  assert.deepEqual(g.texts(), []);
});

test("an edit of what was not delivered, of what is too long, or where nothing can be changed ends as dead and is never sent", async () => {
  const g = given({ kind: "none" }, ({ text }) => {
    if (text === "bad") throw new Rejected("no");
  });
  g.delivery.start();
  const bad = g.add("bad");
  await g.settle();
  const good = g.add("good");
  await g.settle();
  const over = g.add("changed", "room", { kind: "edit", over: bad, key: "e1" });
  const long = g.add("x".repeat(4001), "room", { kind: "edit", over: good, key: "e2" });
  await g.settle();
  assert.deepEqual([g.state(over), g.state(long)], ["dead", "dead"]);
  assert.deepEqual(g.texts(), ["good"]);

  const plain = given({ kind: "none" }, () => {}, { edit: undefined } as object);
  plain.delivery.start();
  const first = plain.add("good");
  await plain.settle();
  const change = plain.add("changed", "room", { kind: "edit", over: first, key: "e1" });
  await plain.settle();
  assert.equal(plain.state(change), "dead");
  assert.deepEqual(plain.texts(), ["good"]);
});

test("a reaction is set on its target; where the platform has none it is dead", async () => {
  const set: [string, string][] = [];
  const g = given({ kind: "none" }, () => {}, {
    react: async (_address, platformId, emoji) => void set.push([platformId, emoji]),
  });
  g.delivery.start();
  const reaction = g.add("👍", "room", { kind: "reaction", target: "p7" });
  await g.settle();
  assert.deepEqual(set, [["p7", "👍"]]);
  assert.equal(g.state(reaction), "sent");

  const plain = given({ kind: "none" }, () => {});
  plain.delivery.start();
  const vain = plain.add("👍", "room", { kind: "reaction", target: "p7" });
  await plain.settle();
  assert.equal(plain.state(vain), "dead");
});

test("a channel that is not there: its messages wait, the owner hears of it after a minute, and all go out when it comes", async () => {
  const g = given({ kind: "none" }, () => {});
  g.there(false);
  g.delivery.start();
  g.add("one");
  g.add("two");
  g.clock.advance(59_000);
  assert.deepEqual(g.trouble, []);
  g.clock.advance(120_000);
  assert.match(g.trouble[0]?.[2] ?? "", /not there/);
  assert.deepEqual(g.states(), ["pending", "pending"]);
  g.there(true);
  g.delivery.look();
  await g.settle();
  assert.deepEqual(g.texts(), ["one", "two"]);
});

test("a message that the platform puts off again and again holds up the others for ten minutes, and is told of", async () => {
  const g = given({ kind: "none" }, ({ text }) => {
    if (text === "stuck") throw new Retryable("slow down");
  });
  // It waited for a day before: only from its first try on it counts.
  g.add("stuck");
  g.add("after");
  g.clock.advance(24 * 60 * 60_000);
  g.delivery.start();
  for (let at = 0; at < 9; at++) {
    await g.settle();
    g.clock.advance(60_000);
  }
  assert.deepEqual(g.texts(), []);
  for (let at = 0; at < 6; at++) {
    await g.settle();
    g.clock.advance(60_000);
  }
  await g.settle();
  assert.deepEqual(g.texts(), ["after"]);
  assert.equal(g.state(1), "retry");
  assert.deepEqual(
    g.trouble.map(([, tries]) => tries),
    Array.from(g.trouble, (_, index) => index + 1),
  );
  for (let at = 0; at < 60; at++) {
    await g.settle();
    g.clock.advance(60_000);
  }
  assert.equal(g.state(1), "dead");
});

test("a channel that gives no answer at all counts as unknown after a minute, and does not hold up another conversation", async () => {
  const g = given({ kind: "none" }, ({ text }) => (text === "silence" ? new Promise<void>(() => {}) : undefined));
  g.delivery.start();
  g.add("silence");
  g.add("other", "elsewhere");
  await g.settle();
  assert.deepEqual(g.texts(), ["other"]);
  g.clock.advance(60_000);
  await g.settle();
  assert.equal(g.trouble.length, 1);
  assert.equal(g.state(1), "sending");
});

test("what can't be recorded is recorded later, and the message is not sent twice for it", async () => {
  const g = given({ kind: "none" }, () => {});
  g.store.db.exec(
    "CREATE TRIGGER full BEFORE UPDATE ON outbox WHEN new.state='sent' BEGIN SELECT RAISE(ABORT, 'full'); END",
  );
  g.delivery.start();
  g.add("one");
  await g.settle();
  g.clock.advance(10_000);
  await g.settle();
  g.store.db.exec("DROP TRIGGER full");
  g.clock.advance(10_000);
  await g.settle();
  assert.deepEqual(g.texts(), ["one"]);
  assert.equal(g.state(1), "sent");
});

test("a draft whose sending can't be recorded is not sent once its answer is there", async () => {
  const g = given({ kind: "none" }, () => {});
  g.store.db.exec(
    "CREATE TRIGGER full BEFORE UPDATE ON outbox WHEN new.state='sending' BEGIN SELECT RAISE(ABORT, 'full'); END",
  );
  g.delivery.start();
  const draft = g.add("so far …", "room", { kind: "draft", key: "draft" });
  await g.settle();
  g.store.db.exec("DROP TRIGGER full");
  g.add("the answer", "room", { over: g.store.outbox.closeDraft(SESSION, g.clock.now()), key: "answer" });
  g.clock.advance(10_000);
  await g.settle();
  g.clock.advance(10_000);
  await g.settle();
  assert.deepEqual(g.texts(), ["the answer"]);
  assert.equal(g.state(draft), "dead");
});

test("what a guard holds is not sent: the chat is told so, the owner why, and it can be sent later", async () => {
  let held = true;
  const say = (session: string | null, text: string) =>
    held && session ? ({ held: true, why: "it can see account:mail" } as const) : ({ held: false, text } as const);
  const g = given({ kind: "none" }, () => {}, { guard: { say } });
  const id = "m-main" as MessagingGroupId;
  g.store.groups.addMessagingGroup({ id, channel: "terminal", chat: "main", unknownSenderPolicy: "strict" });
  const answer = g.add("the password is 1234", "room", { answers: ["p1"] });
  g.delivery.start();
  g.add("so far …", "room", { kind: "draft", key: "draft" });
  await g.settle();
  assert.equal(g.state(answer), "dead");
  const [notice, ...others] = g.sent.filter(({ chat }) => chat === "room");
  assert.match(notice?.text ?? "", /^The answer was held back/);
  assert.doesNotMatch(notice?.text ?? "", /mail/);
  assert.deepEqual(others, []);
  const [told] = g.store.outbox.list(null, 10).filter(({ key }) => key.startsWith("owner:"));
  assert.match(told?.text ?? "", new RegExp(`account:mail.*ncl outbox retry ${answer}`));
  const first = g.store.outbox.list(null, 10).find(({ key }) => key === `held:${answer}`);
  assert.deepEqual([first?.author, first?.answers], ["system", ["p1"]]);
  held = false;
  g.store.outbox.reopen(answer);
  await g.settle();
  assert.ok(g.texts().includes("the password is 1234"));
});

test("where a draft was shown before its answer was held, the word of that takes its place, and later the answer", async () => {
  let held = false;
  const say = (session: string | null, text: string) =>
    held && session ? ({ held: true, why: "x" } as const) : ({ held: false, text } as const);
  const g = given({ kind: "none" }, () => {}, { guard: { say } });
  g.delivery.start();
  g.add("so far …", "room", { kind: "draft", key: "draft" });
  await g.settle();
  held = true;
  const over = g.store.outbox.closeDraft(SESSION, g.clock.now());
  const answer = g.add("the answer", "room", { over, key: "answer" });
  await g.settle();
  held = false;
  g.store.outbox.reopen(answer);
  await g.settle();
  assert.deepEqual(g.texts(), ["so far …"]);
  const [first, second, ...others] = g.edited.map(({ platformId, text }) => `${platformId}: ${text}`);
  assert.match(first ?? "", /^x1: The answer was held back/);
  assert.deepEqual([second, others], ["x1: the answer", []]);
});

test("what was let go before the host died is not held when it is repeated", async () => {
  const g = given({ kind: "key", validFor: 1e9 }, () => {}, { guard: { say: () => ({ held: true, why: "x" }) } });
  const id = g.add("hello");
  g.store.outbox.claim(id, g.clock.now());
  g.delivery.start();
  await g.settle();
  assert.deepEqual(g.texts(), ["hello"]);
});

test("a text goes out, and is split, in the form that the guard gives it", async () => {
  const say = (_session: string | null, text: string) =>
    ({ held: false, text: text.replaceAll("https://", "") }) as const;
  const g = given({ kind: "none" }, () => {}, { maxLength: 200, guard: { say } });
  g.delivery.start();
  g.add(`https://a ${"word ".repeat(60)}https://b`);
  await g.settle();
  assert.ok(g.texts().length > 1);
  assert.equal(g.texts().join(" ").replace(/\s+/g, " "), `a ${"word ".repeat(60)}b`);
});

const QUESTION = {
  author: "system",
  buttons: [
    { label: "Yes", value: "y", typed: "/approve 7 1" },
    { label: "No", value: "n", typed: "/approve 7 2" },
  ],
} as const;
const asking = () => ({ ...QUESTION, buttons: [...QUESTION.buttons] });

test("buttons go with their message, and where a platform has none it says what to type", async () => {
  for (const withButtons of [true, false]) {
    const { add, delivery, settle, sent, buttons } = given({ kind: "none" }, () => {}, { withButtons });
    add("Sure?", "room", asking());
    delivery.start();
    await settle();
    assert.deepEqual(buttons, [withButtons ? ["Yes", "No"] : []]);
    assert.equal(sent[0]?.text, withButtons ? "Sure?" : "Sure?\n\nYes: /approve 7 1\nNo: /approve 7 2");
  }
});

test("of a long question the last part has the buttons", async () => {
  const { add, delivery, settle, buttons } = given({ kind: "none" }, () => {}, { withButtons: true, maxLength: 200 });
  add(`${"word ".repeat(60)}Sure?`, "room", asking());
  delivery.start();
  await settle();
  assert.ok(buttons.length > 1);
  assert.deepEqual(buttons.at(-1), ["Yes", "No"]);
  assert.ok(buttons.slice(0, -1).every((none) => none.length === 0));
});

test("a question that may have arrived is not repeated: it waits for a person, whose try is marked", async () => {
  for (const withButtons of [true, false]) {
    let answers = false;
    const w = given(
      { kind: "none" },
      () => {
        if (!answers) throw new Unknown("the answer was lost");
      },
      { withButtons },
    );
    const id = w.add("Sure?", "room", asking());
    w.delivery.start();
    await w.settle();
    w.clock.advance(20_000);
    await w.settle();
    assert.equal(w.state(id), "unknown");
    assert.deepEqual(w.texts(), []);
    assert.ok((w.trouble.at(-1)?.[1] ?? 0) > 4, "the owner hears of it");
    answers = true;
    w.store.outbox.reopen(id);
    await w.settle();
    assert.equal(w.state(id), "sent");
    assert.match(w.texts()[0] ?? "", /^\(Repeated/);
  }
});

test("a question that a dead process was sending is not sent again, but with its key, or when it is looked for and not there", async () => {
  for (const [idempotency, more, expected] of [
    [{ kind: "none" }, {}, { state: "unknown", sent: 0 }],
    [{ kind: "key", validFor: 1e9 }, {}, { state: "sent", sent: 1 }],
    [{ kind: "reconcile" }, { reconcile: async () => null }, { state: "sent", sent: 1 }],
    [{ kind: "reconcile" }, { reconcile: async () => ({ platformId: "x9" }) }, { state: "sent", sent: 0 }],
  ] as const) {
    const w = given(idempotency, () => {}, { withButtons: true, ...more });
    const id = w.add("Sure?", "room", asking());
    w.store.outbox.claim(id, w.clock.now());
    w.delivery.start();
    await w.settle();
    assert.deepEqual({ state: w.state(id), sent: w.sent.length }, expected);
  }
});
