import assert from "node:assert/strict";
import { test } from "node:test";
import { commandsFor, countingRandom, OWNER, SESSION, world } from "../../test/support/world.ts";
import type { ChannelEvent } from "../channels/channel.ts";
import { Misuse } from "../lib/errors.ts";
import type { AgentGroupId, MessagingGroupId, UserId } from "../lib/ids.ts";
import { Router } from "./router.ts";

function given() {
  const w = world();
  const woken: string[] = [];
  const stopped: string[] = [];
  const router = new Router({
    ...w,
    random: countingRandom(),
    wake: (session) => {
      // What a session is woken for is committed already.
      assert.equal(w.store.inbox.hasWork(session), true);
      woken.push(session);
    },
    commands: commandsFor(w, { stopWork: (session) => void stopped.push(session) }),
  });
  const event = (change: Partial<ChannelEvent> = {}): ChannelEvent => ({
    address: { channel: "test", chat: "room", thread: null },
    platformId: "m1",
    revision: 0,
    user: OWNER,
    userName: "Owner",
    text: "hello",
    at: w.clock.now(),
    ...{ mentioned: true, direct: false, change: "said", files: [] },
    ...change,
  });
  /** The agent has answered everything that it heard. */
  const answerAll = () => {
    const numbers = w.store.inbox.unfinished(SESSION).map(({ number }) => number);
    w.store.inbox.intoTurn(SESSION, numbers, 1);
    w.store.inbox.finish(SESSION, numbers, 1, "done");
  };
  const unfinished = () =>
    w.store.inbox.unfinished(SESSION).map(({ number, change, about, engages, text }) => ({
      ...{ number, change, about, engages, text },
    }));
  const stored = () => w.store.db.all("SELECT * FROM inbound_events");
  return { ...w, router, event, woken, stopped, stored, answerAll, unfinished };
}

test("an accepted event is durable, audited, and wakes its session once, however often it comes", async () => {
  const { router, event, woken, store, audit } = given();
  assert.deepEqual(await router.accept(event()), { status: "accepted" });
  assert.deepEqual(await router.accept(event()), { status: "duplicate" });
  assert.deepEqual(woken, [SESSION]);
  assert.equal(store.inbox.unfinished(SESSION).length, 1);
  assert.equal(audit.list(10).filter((record) => record.verb === "message.accept").length, 1);
});

test("a message, its edit and the same id in another chat are three events", async () => {
  const { router, event, stored } = given();
  await router.accept(event());
  await router.accept(event({ revision: 1, text: "hello again" }));
  assert.equal(stored().length, 2);
});

test("what is ignored leaves no trace; what is refused leaves a refusal and not its text", async () => {
  const { router, event, stored, audit, woken } = given();
  const address = { channel: "test", chat: "elsewhere", thread: null };
  assert.equal((await router.accept(event({ address, mentioned: false }))).status, "ignored");
  assert.equal((await router.accept(event({ text: "  \n" }))).status, "ignored");
  const stranger = await router.accept(event({ user: "test:stranger", text: "let me in" }));
  assert.equal(stranger.status, "refused");
  assert.deepEqual(stored(), []);
  assert.deepEqual(woken, []);
  const records = JSON.stringify(audit.list(10));
  assert.match(records, /test:stranger/);
  assert.equal(records.includes("let me in"), false);
});

test("an event that no channel should make is refused whole, with what is wrong", async () => {
  const { router, event, stored } = given();
  for (const change of [
    { text: "x".repeat(200_001) },
    { platformId: "" },
    { user: "u".repeat(301) },
    { at: -1 },
    { revision: 0.5 },
  ]) {
    await assert.rejects(router.accept(event(change)), Misuse);
  }
  assert.deepEqual(stored(), []);
});

test("numbers of a session grow and are even, also across events of the system", async () => {
  const { router, event, store } = given();
  await router.accept(event());
  const target = {
    agentGroup: store.groups.agentGroups()[0]?.id ?? assert.fail(),
    conversation: "test/room",
    thread: null,
  };
  router.tell({ channel: "test", chat: "room", thread: null }, target, "welcome", "welcome:1");
  router.tell({ channel: "test", chat: "room", thread: null }, target, "welcome", "welcome:1");
  await router.accept(event({ platformId: "m2" }));
  assert.deepEqual(
    store.inbox.unfinished(SESSION).map(({ number, author }) => [number, author]),
    [
      [2, "person"],
      [4, "system"],
      [6, "person"],
    ],
  );
});

test("an edit reaches every session that heard the message, with its number there, and wakes them; a repeat of it does not", async () => {
  const { router, event, store, woken, answerAll, unfinished, random } = { ...given(), random: countingRandom() };
  const other = "a-2" as AgentGroupId;
  const { id: _, ...group } = store.groups.agentGroups()[0] ?? assert.fail();
  store.groups.addAgentGroup({ ...group, id: other, folder: random.token(3) });
  const room = store.groups.messagingGroup("test", "room") ?? assert.fail();
  await router.accept(event());
  answerAll();
  store.groups.wire(room.id, { agentGroup: other, engageMode: "always", sessionMode: "shared" });
  await router.accept(event({ platformId: "m2", text: "both hear this" }));
  const second = store.sessions.byConversation(other, "test/room") ?? assert.fail();
  answerAll();
  woken.length = 0;
  const edit = event({ platformId: "m2", change: "edited", revision: 5, text: "both read this" });
  assert.equal((await router.accept(edit)).status, "accepted");
  assert.equal((await router.accept(edit)).status, "duplicate");
  assert.deepEqual(woken.sort(), [SESSION, second.id].sort());
  assert.deepEqual(unfinished(), [{ number: 6, change: "edited", about: 4, engages: true, text: "both read this" }]);
  assert.equal(store.inbox.unfinished(second.id).at(-1)?.about, 2);
  // The other agent came later, and never heard the first message.
  await router.accept(event({ change: "edited", revision: 5, text: "only one hears this" }));
  assert.equal(store.inbox.unfinished(second.id).length, 2);
});

test("an edit of a message that nobody heard is like a new one; a deletion of it leaves no trace", async () => {
  const { router, event, unfinished, stored, woken } = given();
  await router.accept(event({ change: "edited", revision: 3, text: "now with words" }));
  assert.deepEqual(unfinished(), [{ number: 2, change: "edited", about: null, engages: true, text: "now with words" }]);
  assert.deepEqual(woken, [SESSION]);
  const gone = await router.accept(event({ platformId: "m9", change: "deleted", revision: 4, text: "" }));
  assert.equal(gone.status, "ignored");
  assert.equal(stored().length, 1);
});

test("a deletion by itself wakes nobody and waits for the next message; where work is under way it is fed at once", async () => {
  const { router, event, store, woken, answerAll, unfinished } = given();
  await router.accept(event());
  answerAll();
  woken.length = 0;
  const deletion = event({ change: "deleted", revision: 9, text: "" });
  assert.equal((await router.accept(deletion)).status, "accepted");
  assert.deepEqual(woken, []);
  assert.equal(store.inbox.hasWork(SESSION), false);
  assert.deepEqual(unfinished(), [{ number: 4, change: "deleted", about: 2, engages: false, text: "" }]);
  await router.accept(event({ platformId: "m2" }));
  await router.accept(event({ platformId: "m2", change: "deleted", revision: 9, text: "" }));
  assert.deepEqual(woken, [SESSION, SESSION]);
  assert.equal(unfinished().at(-1)?.engages, true);
});

test("nobody changes or takes back the words of another", async () => {
  const { router, event, store, unfinished } = given();
  store.users.put({ id: "test:bo" as UserId, name: "Bo", timeZone: null }, 1);
  store.users.grantOwner("test:bo" as UserId);
  await router.accept(event());
  for (const change of ["edited", "deleted"] as const) {
    const words = change === "edited" ? "other words" : "";
    const verdict = await router.accept(event({ change, revision: 2, user: "test:bo", text: words }));
    assert.equal(verdict.status, "refused");
  }
  assert.equal(unfinished().length, 1);
  // A second edit of the author's own counts as theirs.
  await router.accept(event({ change: "edited", revision: 3, text: "mine" }));
  assert.equal((await router.accept(event({ change: "edited", revision: 4, text: "mine too" }))).status, "accepted");
});

test("where an agent wants a mention, an edit or a deletion of what it heard needs none", async () => {
  const { router, event, store, unfinished } = given();
  store.db.run("UPDATE messaging_group_agents SET engage_mode='mention'");
  await router.accept(event());
  await router.accept(event({ change: "edited", revision: 1, text: "without its name", mentioned: false }));
  await router.accept(event({ change: "deleted", revision: 2, text: "", mentioned: false }));
  assert.deepEqual(
    unfinished().map(({ change }) => change),
    ["said", "edited", "deleted"],
  );
});

/** A room where the agent wants a mention and keeps the rest, and an owner beside a stranger who may speak. */
function keeping() {
  const w = given();
  w.store.db.run("UPDATE messaging_group_agents SET engage_mode='mention', ignored_policy='accumulate'");
  w.store.db.run("UPDATE messaging_groups SET unknown_sender_policy='public'");
  const says = (platformId: string, change: Partial<ChannelEvent> = {}) =>
    w.router.accept(w.event({ platformId, text: platformId, mentioned: false, ...change }));
  return { ...w, says };
}

test("what an agent does not answer waits and wakes nobody, and stands before the next message that it does", async () => {
  const { says, unfinished, woken, audit } = keeping();
  assert.equal((await says("one")).status, "noted");
  assert.equal((await says("one")).status, "duplicate");
  assert.equal((await says("two", { user: "test:guest" })).status, "noted");
  assert.deepEqual(woken, []);
  assert.equal((await says("and you?", { mentioned: true })).status, "accepted");
  assert.deepEqual(
    unfinished().map(({ text, engages }) => [text, engages]),
    [
      ["one", false],
      ["two", false],
      ["and you?", true],
    ],
  );
  assert.deepEqual(woken, [SESSION]);
  assert.equal(audit.list(10).filter(({ verb }) => verb === "message.accept").length, 3);
});

test("what a refused or unknown person says is never kept for later", async () => {
  const { says, store, stored } = keeping();
  store.db.run("UPDATE messaging_groups SET unknown_sender_policy='strict'");
  assert.equal((await says("x", { user: "test:eve" })).status, "refused");
  store.db.run("UPDATE messaging_groups SET unknown_sender_policy='request_approval'");
  assert.equal((await says("x", { user: "test:eve" })).status, "ignored");
  store.db.run("UPDATE messaging_groups SET unknown_sender_policy='public'");
  store.db.run("UPDATE messaging_group_agents SET sender_scope='known'");
  assert.equal((await says("x", { user: "test:eve" })).status, "ignored");
  assert.equal((await says("x", { user: "test:eve", mentioned: true })).status, "ignored");
  assert.deepEqual(stored(), []);
});

test("a change of what was only kept is kept, too; one that mentions the agent is answered", async () => {
  const { says, unfinished, woken } = keeping();
  await says("one");
  await says("one", { change: "edited", revision: 1, text: "one, mended" });
  await says("one", { change: "deleted", revision: 2, text: "" });
  assert.deepEqual(
    unfinished().map(({ change, about, engages }) => [change, about, engages]),
    [
      ["said", null, false],
      ["edited", 2, false],
      ["deleted", 4, false],
    ],
  );
  assert.deepEqual(woken, []);
  await says("two");
  await says("two", { change: "edited", revision: 1, text: "two, Nano?", mentioned: true });
  assert.equal(unfinished().at(-1)?.engages, true);
  assert.deepEqual(woken, [SESSION]);
});

test("/stop to nobody is talk among others", async () => {
  const { says, stopped, outbox } = keeping();
  await says("work", { mentioned: true });
  assert.equal((await says("m2", { text: "/stop" })).status, "noted");
  assert.deepEqual([stopped, outbox()], [[], []]);
  await says("m3", { text: "/stop", mentioned: true });
  assert.deepEqual(stopped, [SESSION]);
});

test("a mention holds in its thread for ever, and without a thread until half an hour passed without an answer", async () => {
  const { says, store, clock } = keeping();
  store.db.run("UPDATE messaging_group_agents SET engage_mode='mention-sticky'");
  const minutes = (n: number) => clock.advance(n * 60_000);
  const inThread = (thread: string) => ({ address: { channel: "test", chat: "room", thread } });
  assert.equal((await says("a")).status, "noted");
  await says("b", { mentioned: true });
  minutes(29);
  assert.equal((await says("c")).status, "accepted");
  minutes(29);
  assert.equal((await says("d")).status, "accepted", "each answer begins the time anew");
  assert.equal((await says("e", inThread("t1"))).status, "noted", "another thread");
  minutes(31);
  assert.equal((await says("f")).status, "noted");
  await says("g", { ...inThread("t1"), mentioned: true });
  minutes(10_000);
  assert.equal((await says("h", inThread("t1"))).status, "accepted");
  assert.equal((await says("i", inThread("t2"))).status, "noted");
});

test("an agent that is no longer in a room hears no more of it, and those that are go on", async () => {
  const { says, store, unfinished } = keeping();
  await says("one", { mentioned: true });
  const other = "a-2" as AgentGroupId;
  const { id: _, ...group } = store.groups.agentGroups()[0] ?? assert.fail();
  store.groups.addAgentGroup({ ...group, id: other, folder: "other" });
  store.groups.wire("m-1" as MessagingGroupId, { agentGroup: other, engageMode: "mention", sessionMode: "shared" });
  store.db.run("DELETE FROM messaging_group_agents WHERE agent_group_id=?", group.folder === "main" ? "a-1" : "");
  await says("one", { change: "edited", revision: 1, text: "changed", mentioned: true });
  assert.deepEqual(
    unfinished().map(({ text }) => text),
    ["one"],
  );
  await says("two", { mentioned: true });
  const session = store.sessions.byConversation(other, "test/room") ?? assert.fail();
  assert.deepEqual(
    store.inbox.unfinished(session.id).map(({ text }) => text),
    ["changed", "two"],
  );
});

test("versions that come in the wrong order: the latest counts", async () => {
  const { router, event, unfinished } = given();
  await router.accept(event());
  await router.accept(event({ change: "edited", revision: 7, text: "third" }));
  assert.equal((await router.accept(event({ change: "edited", revision: 6, text: "second" }))).status, "ignored");
  await router.accept(event({ platformId: "m2", change: "edited", revision: 7, text: "edit first" }));
  assert.equal((await router.accept(event({ platformId: "m2", text: "then what it was" }))).status, "ignored");
  assert.deepEqual(
    unfinished().map(({ text }) => text),
    ["hello", "third", "edit first"],
  );
});

test("/stop is durable, once, and reaches what was said before it and nothing that comes after", async () => {
  const { router, event, store, stopped, audit, unfinished, outbox } = given();
  await router.accept(event());
  const stop = event({ platformId: "m2", text: " /STOP\n" });
  assert.equal((await router.accept(stop)).status, "accepted");
  await router.accept(event({ platformId: "m3", text: "go on" }));
  assert.equal((await router.accept(stop)).status, "duplicate");
  assert.deepEqual(stopped, [SESSION]);
  assert.equal(store.sessions.stoppedUpTo(SESSION), 4);
  assert.deepEqual(
    unfinished().map(({ number }) => number),
    [2, 6],
  );
  assert.equal(audit.list(10).filter(({ verb }) => verb === "sessions.stop").length, 1);
  assert.deepEqual(outbox(), []);
});

test("/stop where nothing runs says so once, in answer to who asked", async () => {
  const { router, event, stopped, outbox, store } = given();
  const stop = event({ text: "/stop" });
  await router.accept(stop);
  await router.accept(stop);
  assert.deepEqual(stopped, []);
  assert.deepEqual(outbox(), ["system: There is nothing to stop."]);
  assert.deepEqual(store.outbox.list(null, 1)[0]?.answers, ["m1"]);
});

test("a stranger stops nothing, by word or by button; /stop inside a sentence is only talk", async () => {
  const { router, event, stopped, unfinished } = given();
  await router.accept(event());
  assert.equal((await router.accept(event({ platformId: "m2", user: "test:x", text: "/stop" }))).status, "refused");
  const press = { address: event().address, user: "test:x", userName: "X", value: "stop" };
  assert.equal(await router.press(press), "You can't do that here.");
  await router.accept(event({ platformId: "m3", text: "what does /stop do?" }));
  assert.deepEqual(stopped, []);
  assert.equal(unfinished().length, 2);
});

test("the stop button stops, and any other says that it no longer does anything", async () => {
  const { router, event, stopped, stored } = given();
  await router.accept(event());
  const { address, user, userName } = event();
  assert.equal(await router.press({ address, user, userName, value: "stop" }), "Stopping …");
  assert.deepEqual(stopped, [SESSION]);
  assert.equal(await router.press({ address, user, userName, value: "buy" }), "This button no longer does anything.");
  assert.equal(stored().length, 2);
});

test("where an owner writes to an agent alone is known, so that they can be told something there; the terminal is known anyway", async () => {
  const { router, store, event } = given();
  await router.accept(event({ direct: true }));
  await router.accept(event({ direct: true, platformId: "m2" }));
  await router.accept(event({ direct: true, platformId: "m3", user: "test:stranger" }));
  assert.deepEqual(
    store.groups.ownersChats().map(({ channel, chat }) => `${channel}/${chat}`),
    ["test/room"],
  );
});

test("a chat counts as the owner's own until something comes from it that others can read, too, if only a stranger's refused word", async () => {
  const { router, store, event } = given();
  await router.accept(event({ direct: true }));
  const { address, user, userName } = event();
  await router.press({ address, user, userName, value: "stop" });
  assert.equal(store.groups.ownersChats().length, 1, "a button says nothing of who reads");
  const { status } = await router.accept(event({ platformId: "m2", user: "test:stranger" }));
  assert.equal(status, "refused");
  assert.deepEqual(store.groups.ownersChats(), []);
});

const YES_NO = [
  { id: "yes", label: "Yes", grants: true },
  { id: "no", label: "No", grants: false },
];

function asked() {
  const w = given();
  const effects: string[] = [];
  w.approvals.register({
    ...{ kind: "deed", least: "owner" },
    onAnswer: (_approval, { id }) => void effects.push(id),
    onExpired: () => {},
  });
  w.store.groups.setDirectUser("m-1" as MessagingGroupId, OWNER);
  const question = { kind: "deed", agentGroup: null, session: w.session, payload: {}, choices: YES_NO };
  const { id } = w.approvals.ask({ ...question, title: "A deed", text: "?", expiresAt: w.clock.now() + 60_000 });
  const value = w.store.outbox.list(null, 1)[0]?.buttons[0]?.value ?? "";
  return { ...w, id, value, effects };
}

test("an owner answers a question by its word in any chat, once however often it comes, and no agent hears it", async () => {
  const { router, event, id, effects, unfinished, outbox } = asked();
  const elsewhere = { channel: "test", chat: "nowhere", thread: null };
  const answer = event({ text: `/approve ${id} 1`, address: elsewhere, mentioned: false });
  assert.deepEqual(await router.accept(answer), { status: "accepted" });
  assert.deepEqual(await router.accept(answer), { status: "duplicate" });
  assert.deepEqual(effects, ["yes"]);
  assert.deepEqual(unfinished(), []);
  assert.ok(outbox().includes("system: A deed: Yes, says Owner."));
});

test("an answer that can't be is told why, and changes nothing", async () => {
  const { router, event, id, effects, outbox } = asked();
  for (const [n, text] of [`/approve ${id}`, "/approve 99 1", `/approve ${id} 7`, "/approve"].entries())
    await router.accept(event({ text, platformId: `a${n}` }));
  assert.deepEqual(effects, []);
  const said = outbox().filter((line) => line.includes("Nothing was decided"));
  assert.equal(said.length, 4);
  assert.match(said.join("\n"), /write it as \/approve 7 2/);
  assert.match(said.join("\n"), /no such question/);
});

test("who is no owner answers nothing, by word or by button, and nothing of it is kept", async () => {
  const { router, event, id, value, effects, stored, audit, store } = asked();
  store.db.run("UPDATE messaging_groups SET unknown_sender_policy='public'");
  const acceptance = await router.accept(event({ text: `/approve ${id} 1`, user: "test:eve" }));
  assert.equal(acceptance.status, "refused");
  const press = { address: event().address, user: "test:eve", userName: "Eve", value };
  assert.match(await router.press(press), /Nothing was decided/);
  assert.deepEqual(effects, []);
  assert.deepEqual(stored(), []);
  assert.equal(audit.list(100).filter(({ decision }) => decision === "deny").length, 2);
  const chatter = event({
    text: "/approve 1 1",
    user: "test:eve",
    address: { channel: "test", chat: "nowhere", thread: null },
    mentioned: false,
  });
  assert.equal((await router.accept(chatter)).status, "ignored");
});

test("a pressed button answers, and pressed again it says that it was answered", async () => {
  const { router, event, value, effects } = asked();
  const press = { address: event().address, user: OWNER, userName: "Owner", value };
  assert.equal(await router.press(press), "A deed: Yes, says Owner.");
  assert.match(await router.press(press), /answered before/);
  assert.match(await router.press({ ...press, address: { ...press.address, chat: "other" } }), /another chat/);
  assert.deepEqual(effects, ["yes"]);
});

test("what says the same as a question is the agent's own word, and has no buttons", async () => {
  const { store, session, clock } = asked();
  const text = "Question 9: may I?\n\nYes: /approve 9 1";
  store.outbox.add({ sessionId: session.id, address: session, author: "agent", text, key: "forged" }, clock.now());
  const [row] = store.outbox.list(null, 1);
  assert.equal(row?.author, "agent");
  assert.deepEqual(row?.buttons, []);
});
