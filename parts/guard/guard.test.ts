import assert from "node:assert/strict";
import { test } from "node:test";
import type { ChannelEvent } from "../../src/channels/channel.ts";
import { Router } from "../../src/inbound/router.ts";
import type { AgentGroupId, MessagingGroupId, SessionId } from "../../src/lib/ids.ts";
import { AGENT, countingRandom, OWNER, SESSION, world } from "../../test/support/world.ts";
import { Guard, type Outgoing } from "./guard.ts";
import { flowGuard } from "./index.ts";
import { GuardLabels } from "./labels.ts";

const fetching = (host: string, more: Partial<Extract<Outgoing, { kind: "request" }>> = {}): Outgoing => ({
  ...{ kind: "request", host, trusted: false, credential: null, reads: true, strangersText: true },
  ...more,
});

function given() {
  const w = world();
  const { store, audit, clock } = w;
  const trusts = (_group: AgentGroupId, url: URL) => url.hostname === "own.example.org";
  const { guard } = flowGuard({ store, audit, clock, trusts });
  const router = new Router({
    ...w,
    random: countingRandom(),
    guard,
    wake: () => {},
  });
  store.groups.addMessagingGroup({
    ...{ id: "m-2" as MessagingGroupId, channel: "test", chat: "open", unknownSenderPolicy: "public" },
  });
  store.groups.wire("m-2" as MessagingGroupId, { agentGroup: AGENT, engageMode: "always", sessionMode: "shared" });
  let count = 0;
  const hear = async (more: Partial<ChannelEvent>, chat = "open") => {
    count += 1;
    const said = { change: "said", platformId: `e${count}`, revision: 0, userName: "Somebody", text: "hello" } as const;
    const acceptance = await router.accept({
      ...{ address: { channel: "test", chat, thread: null }, ...said, user: OWNER, at: 0, mentioned: true },
      ...{ direct: false, files: [], ...more },
    });
    assert.equal(acceptance.status, "accepted");
    return store.sessions.byConversation(AGENT, `test/${chat}`)?.id as SessionId;
  };
  const records = (verb: string) => audit.list(1_000).filter((record) => record.verb === verb);
  const labels = () => new GuardLabels(store.db);
  const known = (side: "untrusted" | "private") =>
    labels()
      .known(AGENT, side)
      .map(({ label: { kind, name } }) => `${kind}:${name}`);
  return { ...w, guard, router, trusts, hear, records, labels, known };
}

const allows = (guard: Guard, act: Outgoing, session: SessionId = SESSION) => guard.judge(session, act).allow;

test("the open web flows while nothing private is in sight, and asks as soon as something is", () => {
  const { guard, records } = given();
  for (const host of ["a.example.org", "b.example.org"]) {
    assert.equal(allows(guard, fetching(host)), true);
    guard.passed(SESSION, fetching(host));
  }
  guard.passed(SESSION, fetching("mail.example.org", { credential: "mail" }));
  assert.equal(allows(guard, fetching("b.example.org")), false);
  assert.equal(allows(guard, fetching("registry.example.org", { trusted: true })), true);
  assert.equal(records("guard.untrusted").length, 3);
  assert.equal(records("guard.private").length, 1);
});

test("what a stranger says is a label in the transaction that accepts it; what the owner says is none", async () => {
  const { hear, known, store } = given();
  await hear({});
  assert.deepEqual(known("untrusted"), []);
  await hear({ user: "test:eve" });
  assert.deepEqual(known("untrusted"), ["stranger:test:eve"]);
  store.db.exec("CREATE TRIGGER full BEFORE INSERT ON guard_labels BEGIN SELECT RAISE(ABORT, 'full'); END");
  const before = store.inbox.countUnfinished();
  await assert.rejects(hear({ user: "test:mallory" }));
  assert.equal(store.inbox.countUnfinished(), before);
});

test("a file is untrusted whoever sends it; another agent's words are, a task's and the system's are not", async () => {
  const { hear, known, router } = given();
  await hear({ files: [{ name: "offer.pdf", type: "application/pdf", size: 1, ref: "f1" }] });
  const tell = (key: string, userId: string) =>
    router.tell(
      { channel: "test", chat: "room", thread: null },
      { agentGroup: AGENT, conversation: "test/room", thread: null },
      ...(["do this", key, { author: "person", userId, userName: "x" }] as const),
    );
  tell("k1", "task:t-1");
  tell("k2", "agent:helper");
  router.tell(
    { channel: "test", chat: "room", thread: null },
    { agentGroup: AGENT, conversation: "test/room", thread: null },
    ...(["welcome", "k3"] as const),
  );
  assert.deepEqual(known("untrusted").sort(), ["agent:helper", `file:${OWNER}`]);
});

test("all sessions of a group share what one of them has read, also after a restart and in a new conversation", async () => {
  const { guard, hear, store, audit, clock, trusts, labels } = given();
  const other = await hear({ user: "test:eve" });
  assert.notEqual(other, SESSION);
  guard.sawPrivate(SESSION, { kind: "mount", name: "/home/ann/papers" });
  assert.equal(allows(guard, fetching("a.example.org")), false);
  const again = new Guard({ store, audit, clock, trusts, labels: labels() });
  assert.equal(allows(again, fetching("a.example.org"), other), false);
});

test("a chat that is marked private is in sight of whoever hears it", async () => {
  const { hear, known, labels } = given();
  labels().markChat({ channel: "test", chat: "open" }, true);
  await hear({});
  assert.deepEqual(known("private"), ["chat:test:open"]);
});

test("a label whose transaction was undone is written down when it comes again", () => {
  const { guard, store, known } = given();
  assert.throws(() =>
    store.db.transaction(() => {
      guard.sawUntrusted(SESSION, { kind: "host", name: "a.example.org" });
      assert.equal(guard.judge(SESSION, fetching("b.example.org", { credential: "k", reads: false })).allow, false);
      throw new Error("the disk is full");
    }),
  );
  assert.deepEqual(known("untrusted"), []);
  guard.sawUntrusted(SESSION, { kind: "host", name: "a.example.org" });
  assert.deepEqual(known("untrusted"), ["host:a.example.org"]);
});

test("sources beyond two hundred of a kind share one name, and still count", () => {
  const { guard, known } = given();
  for (let n = 0; n < 400; n++) guard.sawUntrusted(SESSION, { kind: "host", name: `h${n}.example.org` });
  assert.equal(known("untrusted").length, 201);
  assert.ok(known("untrusted").includes("host:(many)"));
});

test("each question is in the audit log, a repeated one once a minute, and the chain holds", () => {
  const { guard, records, clock, audit } = given();
  guard.passed(SESSION, fetching("mail.example.org", { credential: "mail" }));
  for (let n = 0; n < 10; n++) assert.equal(allows(guard, fetching("evil.example.org")), false);
  assert.equal(records("guard.ask").length, 1);
  assert.deepEqual(JSON.parse(records("guard.ask")[0]?.detail ?? ""), {
    ...{ session: SESSION, sources: ["host:mail.example.org"], private: ["account:mail"] },
  });
  allows(guard, fetching("other.example.org"));
  clock.advance(60_000);
  allows(guard, fetching("evil.example.org"));
  assert.equal(records("guard.ask").length, 3);
  assert.equal(audit.verify().intact, true);
});

test("words in the own chat stay as they are; where addresses are asked for by the platform, they lose their life", () => {
  const { guard } = given();
  const text = "see https://evil.example.org/?d=1 and https://own.example.org/x";
  const say = (previews: boolean) => guard.say(SESSION, text, previews);
  assert.deepEqual(say(true), { held: false, text });
  guard.passed(SESSION, fetching("mail.example.org", { credential: "mail" }));
  assert.deepEqual(say(false), { held: false, text });
  const neutral = "see evil·example·org/?d=1 and https://own.example.org/x";
  assert.deepEqual(say(true), { held: false, text: neutral });
});

test("words of the host never show a living address, since they may quote an agent's", () => {
  const { guard } = given();
  assert.deepEqual(guard.say(null, "the task https://evil.example.org/?d=1 failed", true), {
    ...{ held: false, text: "the task evil·example·org/?d=1 failed" },
  });
  assert.equal(guard.say("s-gone" as SessionId, "x https://a.example.org", false).held, false);
});

test("where strangers read along, an answer is held once something private is in sight", async () => {
  const { guard, hear } = given();
  const open = await hear({ user: "test:eve" });
  assert.deepEqual(guard.say(open, "hello", true), { held: false, text: "hello" });
  guard.sawPrivate(SESSION, { kind: "account", name: "mail" });
  const spoken = guard.say(open, "hello", true);
  assert.match(spoken.held ? spoken.why : "", /stranger:test:eve.*account:mail.*say something in test:open$/);
  assert.deepEqual(guard.say(SESSION, "hello", true), { held: false, text: "hello" });
  // Where one conversation is had in many chats, what counts is where the words appear, not where it speaks now.
  const at = (chat: string) => ({ channel: "test", chat, thread: null });
  assert.equal(guard.say(SESSION, "hello", true, at("open")).held, true);
  assert.equal(guard.say(open, "hello", true, at("room")).held, false);
});
