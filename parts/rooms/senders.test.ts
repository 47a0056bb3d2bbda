import assert from "node:assert/strict";
import { test } from "node:test";
import type { Acceptance, ChannelEvent } from "../../src/channels/channel.ts";
import { Router } from "../../src/inbound/router.ts";
import type { MessagingGroupId } from "../../src/lib/ids.ts";
import { countingRandom, OWNER, OWNS, SESSION, world } from "../../test/support/world.ts";
import { type Rooms, rooms } from "./index.ts";
import { operator } from "./testing/context.ts";

function given() {
  const w = world();
  const { store, clock, approvals } = w;
  const random = countingRandom();
  const woken: string[] = [];
  const hold: Rooms["hold"] = (event, room): Acceptance => doorman.hold(event, room);
  const router: Router = new Router({ ...w, random, hold, wake: (id) => woken.push(id) });
  const registry = { health: () => [] };
  const doorman: Rooms = rooms({ store, clock, random, approvals, registry, router, groupsDir: "" });
  store.db.run("UPDATE messaging_groups SET unknown_sender_policy='request_approval'");
  const own = { id: "m-own" as MessagingGroupId, channel: "test", chat: "own", directUser: OWNER };
  store.groups.addMessagingGroup({ ...own, unknownSenderPolicy: "strict" });
  approvals.start();
  let said = 0;
  const says = (text: string, more: Partial<ChannelEvent> = {}) => {
    said += 1;
    const who = { user: "test:eve", userName: "Eve", platformId: `e${said}`, revision: 0 };
    const what = { change: "said", text, at: clock.now(), mentioned: true, direct: false } as const;
    return router.accept({
      ...who,
      ...what,
      files: [],
      address: { channel: "test", chat: "room", thread: null },
      ...more,
    });
  };
  const questions = () => approvals.asked.list(null, 100);
  const answer = (choice: string, index = 0) => {
    const id = questions()[index]?.id ?? 0;
    return approvals.answer({ kind: "user", id: OWNER, grants: [OWNS] }, { id, choice, hash: null }, null);
  };
  const heard = () => store.inbox.unfinished(SESSION).map(({ text, saidAt, userId }) => ({ text, saidAt, userId }));
  /** Every text column of the database that could remember what somebody said. */
  const remembered = (word: string) =>
    [
      "inbound_events.text",
      "held_events.event",
      "approvals.text",
      "approvals.payload",
      "outbox.text",
      "audit.detail",
    ].filter((place) => {
      const [table, column] = place.split(".");
      return store.db.get(`SELECT 1 FROM ${table} WHERE ${column} LIKE ?`, `%${word}%`) !== undefined;
    });
  return { ...w, doorman, router, woken, says, answer, questions, heard, remembered };
}

test("the owner is asked once about a sender, with name, handle and first lines; the agent hears nothing meanwhile", async () => {
  const { says, questions, heard, woken, outbox } = given();
  assert.equal((await says("let me in\nplease\n3\n4\n5")).status, "held");
  assert.equal((await says("hello?")).status, "held");
  assert.equal(questions().length, 1);
  const [text = "", ...others] = outbox();
  assert.deepEqual(others, []);
  assert.match(text, /Eve \(test:eve\) wrote in test:room/);
  assert.match(text, /> let me in\n> please\n> 3\n> 4\n> …/);
  assert.deepEqual(heard(), []);
  assert.deepEqual(woken, []);
});

test("a yes lets all of it be heard, once, in order and with its real time, and later messages pass", async () => {
  const { says, answer, heard, clock, woken, remembered } = given();
  const at = clock.now();
  await says("one", { platformId: "p1" });
  clock.advance(3_600_000);
  await says("two");
  answer("yes");
  assert.deepEqual(heard(), [
    { text: "one", saidAt: at, userId: "test:eve" },
    { text: "two", saidAt: at + 3_600_000, userId: "test:eve" },
  ]);
  assert.ok(woken.length > 0);
  assert.equal(answer("yes").ok, false);
  assert.equal((await says("one", { platformId: "p1", at })).status, "duplicate", "handed over again by the platform");
  assert.equal((await says("three")).status, "accepted");
  assert.equal(heard().length, 3);
  assert.ok(!remembered("one").includes("held_events.event"));
});

test("a no leaves nothing of what was said, and later messages are refused without a word", async () => {
  const { says, answer, heard, questions, outbox, remembered, audit } = given();
  await says("a secretword of mine");
  assert.deepEqual(remembered("secretword"), ["held_events.event", "approvals.text", "outbox.text"]);
  answer("no");
  assert.deepEqual(remembered("secretword"), []);
  assert.deepEqual(heard(), []);
  const before = { outbox: outbox().length, audit: audit.list(100).length };
  assert.equal((await says("again secretword")).status, "refused");
  assert.deepEqual({ outbox: outbox().length, audit: audit.list(100).length }, before);
  assert.equal(questions().length, 1);
  assert.deepEqual(remembered("secretword"), []);
  assert.deepEqual(
    remembered("test:eve").filter((place) => place === "approvals.payload"),
    [],
  );
});

test("who was refused in one room is not refused in another, nor is another sender", async () => {
  const { says, answer } = given();
  await says("hello");
  answer("no");
  assert.equal((await says("hello", { user: "test:bob", userName: "Bob" })).status, "held");
});

test("what nobody answers in a day is forgotten, and the next message asks anew", async () => {
  const { says, clock, questions, remembered } = given();
  await says("a secretword of mine");
  clock.advance(24 * 3_600_000);
  assert.equal(questions()[0]?.state, "expired");
  assert.deepEqual(remembered("secretword"), []);
  assert.equal((await says("hello again")).status, "held");
  assert.equal(questions().length, 2);
});

test("what is changed or taken back while it waits is heard as it is now, or not at all", async () => {
  const { says, answer, heard } = given();
  await says("helo", { platformId: "p1" });
  await says("oops", { platformId: "p2" });
  await says("hello", { platformId: "p1", change: "edited", revision: 1 });
  await says("", { platformId: "p2", change: "deleted", revision: 1 });
  assert.equal((await says("x", { platformId: "p9", change: "edited", revision: 1 })).status, "ignored");
  answer("yes");
  assert.deepEqual(
    heard().map(({ text }) => text),
    ["hello"],
  );
});

test("neither one sender nor many can pile up without end", async () => {
  const { says, questions } = given();
  const all = [];
  for (let n = 0; n < 25; n++) all.push((await says(`m${n}`)).status);
  assert.equal(all.filter((status) => status === "held").length, 20);
  for (let n = 0; n < 30; n++) await says("hi", { user: `test:u${n}`, userName: `U${n}` });
  assert.equal(questions().length, 20);
});

test("chatter that does not mention the agent asks nobody", async () => {
  const { says, store, questions } = given();
  store.db.run("UPDATE messaging_group_agents SET engage_mode='mention'");
  assert.equal((await says("just talking", { mentioned: false })).status, "ignored");
  assert.equal(questions().length, 0);
});

test("a name can neither look like the host's own words nor turn the text round", async () => {
  const { says, outbox } = given();
  await says("x", { userName: "Ann\n\n**Question 1: approved**\u202e`" });
  assert.match(outbox()[0] ?? "", /^system: Question 1: Ann Question 1: approved \(test:eve\) wrote/);
});

test("the verbs show who was let in, change a chat's policy, and forget somebody", async () => {
  const { says, answer, doorman, heard } = given();
  const { context, recorded } = operator();
  const { effects } = doorman;
  await says("hello");
  answer("yes");
  const room = { chat: "test:room", policy: "request_approval", agents: ["main"] } as const;
  assert.deepEqual(await effects["messaging-groups.show"]({ chat: "test:room" }, context), {
    ...{ ...room, direct: "", members: ["test:eve"] },
  });
  const list = await effects["messaging-groups.list"]({}, context);
  assert.deepEqual(
    list.find(({ chat }) => chat === "test:room"),
    { ...room, members: 1 },
  );
  await effects["senders.forget"]({ chat: "test:room", user: "test:eve" }, context);
  assert.equal((await says("hello once more")).status, "held");
  await effects["senders.policy"]({ chat: "test:room", policy: "strict" }, context);
  assert.equal((await says("hello", { user: "test:bob" })).status, "refused");
  assert.equal(heard().length, 1);
  assert.deepEqual(recorded, ["test:room", "test:room"]);
  assert.throws(() => effects["senders.policy"]({ chat: "test:no", policy: "strict" }, context), /is not known/);
  assert.throws(() => effects["senders.forget"]({ chat: "test:room", user: "test:no" }, context), /neither/);
});
