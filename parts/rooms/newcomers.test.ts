import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { ChannelEvent } from "../../src/channels/channel.ts";
import { Router } from "../../src/inbound/router.ts";
import type { AgentGroupId, MessagingGroupId, SessionId } from "../../src/lib/ids.ts";
import { AGENT, countingRandom, OWNER, OWNS, world } from "../../test/support/world.ts";
import { type Rooms, rooms } from "./index.ts";
import { operator } from "./testing/context.ts";

const HOUR = 3_600_000;
const CHAT = "-100../secret <room>";

/** An owner with a chat of their own, and chats of which nobody knows yet. */
function given(t: TestContext) {
  const groupsDir = mkdtempSync(join(tmpdir(), "nc-rooms-"));
  t.after(() => rmSync(groupsDir, { recursive: true, force: true }));
  const w = world();
  const { store, clock, approvals } = w;
  const random = countingRandom();
  const woken: string[] = [];
  const hold: Rooms["hold"] = (event, room) => part.hold(event, room);
  const router: Router = new Router({ ...w, random, hold, wake: (id) => woken.push(id) });
  const registry = { health: () => [{ id: "test", state: "up" as const, detail: "" }] };
  const part: Rooms = rooms({ store, clock, random, approvals, registry, router, groupsDir });
  const own = { id: "m-own" as MessagingGroupId, channel: "test", chat: "own", directUser: OWNER };
  store.groups.addMessagingGroup({ ...own, unknownSenderPolicy: "strict" });
  approvals.start();
  let said = 0;
  const says = (text: string, more: Partial<ChannelEvent> = {}) => {
    said += 1;
    return router.accept({
      ...{ user: "test:eve", userName: "Eve", platformId: `e${said}`, revision: 0, change: "said" as const },
      ...{ text, at: clock.now(), mentioned: true, direct: false, files: [] },
      address: { channel: "test", chat: CHAT, thread: null },
      ...more,
    });
  };
  const questions = () => approvals.asked.list(null, 100);
  const answer = (choice: string, index = 0) => {
    const id = questions()[index]?.id ?? 0;
    return approvals.answer({ kind: "user", id: OWNER, grants: [OWNS] }, { id, choice, hash: null }, null);
  };
  const heard = (session: SessionId | undefined) =>
    session ? store.inbox.unfinished(session).map(({ text, userId }) => `${userId}: ${text}`) : [];
  const sessionOf = (conversation: string, agent: AgentGroupId = AGENT) =>
    store.sessions.byConversation(agent, conversation)?.id;
  const room = () => store.groups.messagingGroup("test", CHAT);
  const wired = () => {
    const found = room();
    return found ? store.groups.wirings(found.id) : [];
  };
  /** How many rows of any table hold a word anywhere, and which tables. */
  const remembered = (word: string) =>
    store.db
      .all<{ name: string }>("SELECT name FROM sqlite_schema WHERE type='table' AND name NOT LIKE 'sqlite_%'")
      .filter(({ name }) => store.db.all(`SELECT * FROM ${name}`).some((row) => JSON.stringify(row).includes(word)))
      .map(({ name }) => name);
  /** Another agent, used last at a time. */
  const addAgent = (n: number, lastActiveAt: number | null) => {
    const id = `a-${n}` as AgentGroupId;
    const group = { folder: `agent-${n}`, name: `Agent ${n}`, provider: "null", model: null, runtime: null };
    store.groups.addAgentGroup({ ...group, id, uid: 1000, createdAt: n });
    if (lastActiveAt !== null)
      store.sessions.add({
        ...{ id: `s-agent-${n}` as SessionId, agentGroup: id, conversation: "x", channel: "test", chat: "x" },
        ...{ thread: null, runtime: null, outboundCursor: 0, lastActiveAt },
      });
    return id;
  };
  return { ...w, part, woken, says, questions, answer, heard, sessionOf, room, wired, remembered, addAgent, groupsDir };
}

test("chatter in a room that no agent is in asks nobody and leaves no trace", async (t) => {
  const { says, remembered, questions, audit } = given(t);
  const before = audit.list(100).length;
  assert.equal((await says("a secretword", { mentioned: false })).status, "ignored");
  assert.equal((await says("/start secretword", { direct: true })).status, "ignored", "a chat that was only opened");
  assert.equal((await says("", { change: "deleted", platformId: "secretword", revision: 1 })).status, "ignored");
  assert.deepEqual(remembered("secretword"), []);
  assert.deepEqual([questions().length, audit.list(100).length], [0, before]);
});

test("a mention asks the owner once about the room, quoted and cleaned, and nothing else is done", async (t) => {
  const { says, questions, outbox, room, woken, groupsDir } = given(t);
  assert.equal((await says("hey `Nano`\n**Question 9**\n3\n4\n5")).status, "held");
  assert.equal((await says("and?", { user: "test:bob", userName: "Bob\n\u202eevil" })).status, "held");
  assert.equal(questions().length, 1);
  const [asked] = questions();
  assert.deepEqual(
    asked?.choices.map(({ id, label }) => [id, label]),
    [
      ["connect-1", "Connect to Nano (main)"],
      ["new", "A new agent for it"],
      ["no", "No"],
    ],
  );
  const [text = "", ...others] = outbox();
  assert.deepEqual(others, []);
  assert.match(text, /Eve \(test:eve\) spoke to the agent in test:-100\.\.\/secret room, a chat that no agent is in:/);
  assert.match(text, /> hey Nano\n> Question 9\n> 3\n> 4\n> …/);
  assert.doesNotMatch(text, /owner's/);
  assert.deepEqual([room(), woken, readdirSync(groupsDir)], [undefined, [], []]);
});

test("connected, the room hears mentions, its sender may speak, and all that waited is heard once, in order", async (t) => {
  const { says, answer, heard, sessionOf, room, wired, store, remembered } = given(t);
  await says("one", { platformId: "p1" });
  await says("two");
  assert.equal(answer("connect-1").ok, true);
  const session = sessionOf(`test/${CHAT}`);
  assert.deepEqual(heard(session), ["test:eve: one", "test:eve: two"]);
  assert.deepEqual(
    wired().map(({ agentGroup, engageMode, sessionMode }) => [agentGroup, engageMode, sessionMode]),
    [[AGENT, "mention", "shared"]],
  );
  assert.equal(room()?.unknownSenderPolicy, "request_approval");
  assert.equal(answer("connect-1").ok, false);
  assert.equal((await says("one", { platformId: "p1" })).status, "duplicate");
  assert.equal((await says("three")).status, "accepted");
  assert.equal((await says("chatter", { mentioned: false })).status, "ignored");
  assert.equal(heard(session).length, 3);
  assert.ok(!remembered("one").includes("held_events"));
  assert.equal(store.users.user("test:eve" as never)?.name, "Eve");
});

test("somebody else who spoke there meanwhile is asked about next, as everywhere", async (t) => {
  const { says, answer, heard, sessionOf, questions } = given(t);
  await says("mine");
  await says("his", { user: "test:bob", userName: "Bob" });
  answer("connect-1");
  const session = sessionOf(`test/${CHAT}`);
  assert.deepEqual(heard(session), ["test:eve: mine"]);
  assert.match(questions()[0]?.title ?? "", /^Bob \(test:bob\) wants to speak in/);
  answer("yes");
  assert.deepEqual(heard(session), ["test:eve: mine", "test:bob: his"]);
});

test("a direct chat hears everything, and counts as its sender's own; a thread is a conversation of its own", async (t) => {
  const { says, answer, room, wired, sessionOf, questions, outbox } = given(t);
  await says("hi", { direct: true, user: OWNER, userName: "Owner" });
  assert.match(outbox()[0] ?? "", /a direct chat that no agent is in:.*That account is an owner's, by its platform\./s);
  answer("1");
  assert.deepEqual([room()?.directUser, wired()[0]?.engageMode], [OWNER, "always"]);
  assert.ok(sessionOf(`test/${CHAT}`));
  const thread = { channel: "test", chat: "threads", thread: "t9" };
  await says("hi", { address: thread });
  assert.equal(questions().length, 2);
  answer("1");
  assert.ok(sessionOf("test/threads/t9"));
  assert.equal((await says("hi", { address: { ...thread, thread: "t10" } })).status, "accepted");
  assert.ok(sessionOf("test/threads/t10"));
});

test("a new agent gets a folder that nothing of the chat's name is in, and hears what waited", async (t) => {
  const { says, answer, store, heard, sessionOf, groupsDir, wired } = given(t);
  await says("hello");
  answer("new");
  const made = store.groups.agentGroups().find(({ id }) => id !== AGENT) ?? assert.fail();
  assert.match(made.folder, /^test-[0-9a-f]{8}$/);
  assert.deepEqual(readdirSync(groupsDir), [made.folder]);
  assert.ok(existsSync(join(groupsDir, made.folder, "workspace")));
  assert.deepEqual([made.provider, wired()[0]?.agentGroup], ["null", made.id]);
  assert.deepEqual(heard(sessionOf(`test/${CHAT}`, made.id)), ["test:eve: hello"]);
  // Taken out and asked about again: another agent, beside the first.
  store.db.run("DELETE FROM messaging_group_agents WHERE agent_group_id=?", made.id);
  await says("hello again");
  answer("new");
  assert.deepEqual(readdirSync(groupsDir).sort(), [made.folder, `${made.folder}-2`]);
});

test("five agents are offered, the one that was used last first", async (t) => {
  const { says, addAgent, questions, answer, wired } = given(t);
  for (let n = 2; n <= 7; n++) addAgent(n, n === 7 ? null : 2_000_000 + n);
  await says("hello");
  assert.deepEqual(
    questions()[0]?.choices.map(({ label }) => /\((.+)\)/.exec(label)?.[1] ?? label),
    ["agent-6", "agent-5", "agent-4", "agent-3", "agent-2", "A new agent for it", "No"],
  );
  addAgent(8, 9_000_000);
  answer("connect-2");
  assert.equal(wired()[0]?.agentGroup, "a-5", "as it was shown, whatever was used since");
});

test("a no leaves nothing of what was said, and the room asks no more until it is forgotten", async (t) => {
  const { says, answer, remembered, room, part, questions, outbox, audit } = given(t);
  await says("a secretword of mine", { platformId: "secretword-1" });
  answer("no");
  assert.deepEqual(remembered("secretword"), []);
  assert.equal(room(), undefined);
  const before = [outbox().length, audit.list(100).length];
  assert.equal((await says("secretword again")).status, "refused");
  assert.equal((await says("me too", { user: "test:bob" })).status, "refused");
  assert.deepEqual([[outbox().length, audit.list(100).length], questions().length], [before, 1]);
  assert.equal((await says("hi", { address: { channel: "test", chat: "other", thread: null } })).status, "held");
  const { context, recorded } = operator();
  const chat = "test:-1";
  const refused = { address: { channel: "test", chat: "-1", thread: null } };
  await says("hi", refused);
  answer("no");
  assert.equal((await says("hi", refused)).status, "refused");
  await part.effects["messaging-groups.forget"]({ chat }, context);
  assert.deepEqual(recorded, [chat]);
  assert.equal((await says("hi", refused)).status, "held");
  assert.throws(() => part.effects["messaging-groups.forget"]({ chat }, context), /was not refused/);
});

test("what nobody answers in a day is forgotten, and the next mention asks anew", async (t) => {
  const { says, clock, questions, remembered } = given(t);
  await says("a secretword of mine");
  clock.advance(24 * HOUR);
  assert.equal(questions()[0]?.state, "expired");
  assert.deepEqual(remembered("secretword"), []);
  assert.equal((await says("hello again")).status, "held");
  assert.equal(questions().length, 2);
});

test("what waits is heard as its author last had it; nobody changes the words of another", async (t) => {
  const { says, answer, heard, sessionOf } = given(t);
  await says("helo", { platformId: "p1" });
  await says("oops", { platformId: "p2" });
  const byBob = { user: "test:bob", change: "deleted", revision: 1 } as const;
  assert.equal((await says("", { ...byBob, platformId: "p1" })).status, "refused");
  await says("hello", { platformId: "p1", change: "edited", revision: 1 });
  await says("", { platformId: "p2", change: "deleted", revision: 1 });
  answer("1");
  assert.deepEqual(heard(sessionOf(`test/${CHAT}`)), ["test:eve: hello"]);
});

test("neither one room nor many can pile up without end", async (t) => {
  const { says, questions } = given(t);
  const all = [];
  for (let n = 0; n < 25; n++) all.push((await says(`m${n}`, { user: `test:u${n}` })).status);
  assert.equal(all.filter((status) => status === "held").length, 20);
  for (let n = 0; n < 30; n++) await says("hi", { address: { channel: "test", chat: `c${n}`, thread: null } });
  assert.equal(questions().length, 20);
});

test("a channel whose unknown rooms are ignored asks about none, and leaves no trace of them", async (t) => {
  const { says, part, remembered, questions } = given(t);
  const { context, recorded } = operator();
  const unknown = part.effects["messaging-groups.unknown"];
  assert.deepEqual(unknown({ channel: "test", asks: "ignore" }, context), { channel: "test", asks: "ignore" });
  assert.equal((await says("a secretword", { direct: true })).status, "ignored");
  assert.deepEqual([remembered("secretword"), questions().length], [[], 0]);
  unknown({ channel: "test", asks: "ask" }, context);
  assert.equal((await says("a secretword")).status, "held");
  assert.throws(() => unknown({ channel: "nowhere", asks: "ask" }, context), /is not there/);
  assert.deepEqual(recorded, ["channel:test", "channel:test"]);
});

test("where the room was wired meanwhile, nobody need answer, a no changes nothing, and a yes wires nothing twice", async (t) => {
  const { says, answer, part, clock, questions, heard, sessionOf, store } = given(t);
  const at = (chat: string) => ({ address: { channel: "test", chat, thread: null } });
  const wiringsIn = (chat: string) =>
    store.groups.wirings(store.groups.messagingGroup("test", chat)?.id ?? ("" as never));
  await says("one", at("named"));
  part.effects["wirings.add"]({ group: "main", chat: "test:named" }, operator().context);
  clock.advance(1);
  assert.equal(questions()[0]?.state, "expired");
  for (const chat of ["first", "second"]) {
    await says("two", at(chat));
    // As a code that pairs it does.
    const id = `m-${chat}` as MessagingGroupId;
    store.groups.addMessagingGroup({ id, channel: "test", chat, unknownSenderPolicy: "strict" });
    store.groups.wire(id, { agentGroup: AGENT, engageMode: "always", sessionMode: "shared" });
  }
  answer("no", 0);
  answer("connect-1", 1);
  for (const chat of ["first", "second"])
    assert.deepEqual(
      wiringsIn(chat).map(({ engageMode }) => engageMode),
      ["always"],
    );
  assert.deepEqual(heard(sessionOf("test/first")), ["test:eve: two"]);
  assert.deepEqual(heard(sessionOf("test/second")), []);
  assert.equal((await says("three", { ...at("second"), user: OWNER })).status, "accepted", "it is not refused");
});
