import assert from "node:assert/strict";
import { test } from "node:test";
import type { Approval } from "../../src/approvals/approvals.ts";
import { TERMINAL_USER } from "../../src/channels/terminal.ts";
import type { MessagingGroupId, UserId } from "../../src/lib/ids.ts";
import { silentLog } from "../../src/lib/log.ts";
import { AGENT, OWNER, OWNS, SESSION, world } from "../../test/support/world.ts";
import { approvalsPart } from "./index.ts";
import { readPressed, readTyped } from "./wording.ts";

const YES = { id: "yes", label: "Yes", grants: true };
const NO = { id: "no", label: "No", grants: false };
const owner = { kind: "user", id: OWNER, grants: [OWNS] } as const;
const stranger = { kind: "user", id: "test:eve", grants: [] } as const;

function given(channel = "test") {
  const w = world();
  const { store, clock, audit } = w;
  const effects: string[] = [];
  /** A host on what is stored; made again it is a restarted one. */
  const host = () => {
    const { approvals } = approvalsPart({ store, audit, clock, log: silentLog, edits: () => channel === "editing" });
    approvals.register({
      kind: "deed",
      least: "owner",
      onAnswer: ({ id }, { id: choice }) => void effects.push(`${id}: ${choice}`),
      onExpired: ({ id }) => void effects.push(`${id}: expired`),
    });
    return approvals;
  };
  const own = "m-own" as MessagingGroupId;
  store.groups.addMessagingGroup({ id: own, channel, chat: "own", unknownSenderPolicy: "strict", directUser: OWNER });
  const approvals = host();
  approvals.start();
  const ask = (payload: Record<string, unknown> = { b: 1, a: [{ d: 2, c: 3 }] }, life = 60_000): Approval =>
    approvals.ask({
      ...{ kind: "deed", agentGroup: AGENT, session: w.session, payload, choices: [YES, NO] },
      ...{ title: "A deed", text: "May I do the deed?", expiresAt: clock.now() + life },
    });
  const at = { channel, chat: "own", thread: null };
  const state = (id: number) => approvals.asked.approval(id)?.state;
  const denials = () => audit.list(100).flatMap(({ decision, detail }) => (decision === "deny" ? [detail] : []));
  const rows = () => store.outbox.list(null, 100).reverse();
  return { ...w, approvals, host, ask, at, effects, state, denials, rows };
}

const answer = (id: number, choice = "1") => ({ id, choice, hash: null });

test("a question is a row with buttons, shown to the owner, and is asked once for the very same thing", () => {
  const { ask, rows, at, approvals } = given();
  const { id, hash } = ask();
  assert.equal(ask({ a: [{ c: 3, d: 2 }], b: 1 }).id, id, "the order of keys says nothing");
  assert.notEqual(ask({ b: 2 }).id, id);
  const [row] = rows();
  assert.deepEqual(
    { channel: row?.channel, chat: row?.chat, author: row?.author },
    { channel: at.channel, chat: at.chat, author: "system" },
  );
  assert.equal(row?.text, `Question ${id}: May I do the deed?`);
  assert.deepEqual(row?.buttons, [
    { label: "Yes", value: `approve:${id}:1:${hash.slice(0, 16)}`, typed: `/approve ${id} 1` },
    { label: "No", value: `approve:${id}:2:${hash.slice(0, 16)}`, typed: `/approve ${id} 2` },
  ]);
  assert.ok(row?.buttons.every(({ value }) => value.length <= 60));
  assert.equal(approvals.asked.approval(id)?.payload, '{"a":[{"c":3,"d":2}],"b":1}');
});

test("an answer has its effect once, and its record in the same transaction", () => {
  const { ask, approvals, effects, state, audit } = given();
  const { id } = ask();
  const first = approvals.answer(owner, answer(id), null);
  assert.ok(first.ok && /A deed: Yes, says Owner/.test(first.text));
  const second = approvals.answer(owner, answer(id, "no"), null);
  assert.ok(!second.ok && /answered before/.test(second.why));
  assert.deepEqual(effects, [`${id}: yes`]);
  assert.equal(state(id), "granted");
  const [asked, granted, refused] = audit.list(10);
  assert.deepEqual(
    [asked, granted, refused].map((one) => [one?.verb, one?.decision]),
    [
      ["approvals.ask", "fact"],
      ["approvals.answer", "allow"],
      ["approvals.answer", "deny"],
    ],
  );
  assert.equal(granted?.actor, OWNER);
});

test("an effect that fails leaves the question as it was", () => {
  const { ask, approvals, state, audit } = given();
  const { id } = ask();
  approvals.register({
    kind: "deed",
    least: "owner",
    onAnswer: () => {
      throw new Error("no room");
    },
    onExpired: () => {},
  });
  assert.throws(() => approvals.answer(owner, answer(id), null), /no room/);
  assert.equal(state(id), "pending");
  assert.equal(audit.list(10).length, 1);
});

test("who is no owner, an unknown question, an unknown answer and an agent change nothing, and are recorded", () => {
  const { ask, approvals, effects, state, denials } = given();
  const { id } = ask();
  const agent = { kind: "agent", id: AGENT, session: given().session, turn: 1, number: 1, cause: null } as const;
  for (const [who, what, why] of [
    [stranger, answer(id), /needs an owner/],
    [agent, answer(id), /agent/],
    [owner, answer(999), /no such question/],
    [owner, answer(id, "3"), /no answer "3"/],
    [owner, answer(id, "0"), /no answer "0"/],
    [owner, answer(id, "constructor"), /no answer/],
  ] as const) {
    const answered = approvals.answer(who, what, null);
    assert.match(answered.ok ? "" : answered.why, why);
  }
  assert.equal(state(id), "pending");
  assert.deepEqual(effects, []);
  assert.equal(denials().length, 6);
});

test("a button answers only the question that it stood under, in the chat where it stood", () => {
  const { ask, approvals, state, rows, at } = given();
  const { id } = ask();
  const [yes] = rows()[0]?.buttons ?? [];
  const value = yes?.value ?? "";
  const why = (from: typeof at, forged = value) => {
    const answered = approvals.pressed(owner, forged, from);
    return answered?.ok === false ? answered.why : answered;
  };
  assert.match(String(why({ ...at, chat: "elsewhere" })), /another chat/);
  assert.match(String(why(at, `approve:${id}:1:${"0".repeat(16)}`)), /another question/);
  assert.equal(why(at, "stop"), null);
  assert.equal(why(at, `approve:${id}:1:`), null);
  assert.equal(state(id), "pending");
  assert.equal(approvals.pressed(owner, value, at)?.ok, true);
});

test("what nobody answers expires at its time, also while no host runs, and a late answer changes nothing", () => {
  const { ask, approvals, effects, state, clock, host } = given();
  const first = ask({ n: 1 }, 60_000);
  const second = ask({ n: 2 }, 200_000);
  clock.advance(59_000);
  assert.equal(state(first.id), "pending");
  clock.advance(1_000);
  assert.equal(state(first.id), "expired");
  const late = approvals.answer(owner, answer(first.id), null);
  assert.match(late.ok ? "" : late.why, /in time/);
  approvals.stop();
  clock.advance(500_000);
  assert.equal(state(second.id), "pending");
  const answered = approvals.answer(owner, answer(second.id), null);
  assert.equal(answered.ok, false, "its time is over before anybody looks");
  host().start();
  assert.equal(state(second.id), "expired");
  assert.deepEqual(effects, [`${first.id}: expired`, `${second.id}: expired`]);
});

test("a question outlives its host, and is answered after the next start", () => {
  const { ask, approvals, effects, host } = given();
  const { id } = ask();
  approvals.stop();
  const next = host();
  next.start();
  assert.equal(next.answer(owner, answer(id), null).ok, true);
  assert.deepEqual(effects, [`${id}: yes`]);
});

test("a kind that nobody asks any more is void at the next start", () => {
  const { ask, approvals, state, store, audit, clock } = given();
  const { id } = ask();
  approvals.stop();
  approvalsPart({ store, audit, clock, log: silentLog, edits: () => false }).approvals.start();
  assert.equal(state(id), "void");
});

test("it is asked in the session's own chat where an owner is alone with the agent, else where an owner last was", () => {
  const { ask, store, clock, session } = given();
  assert.equal(ask({ n: 1 }).address?.chat, "own", "the room is nobody's own");
  store.groups.setDirectUser("m-1" as MessagingGroupId, "test:eve");
  assert.equal(ask({ n: 2 }).address?.chat, "own", "whoever is there may not answer");
  store.groups.setDirectUser("m-1" as MessagingGroupId, OWNER);
  assert.equal(ask({ n: 3 }).address?.chat, session.chat);
  const terminal = { channel: "terminal", unknownSenderPolicy: "strict", directUser: TERMINAL_USER } as const;
  store.groups.addMessagingGroup({ ...terminal, id: "m-t" as MessagingGroupId, chat: "claw-1" });
  store.users.put({ id: TERMINAL_USER as UserId, name: "You", timeZone: null }, clock.now());
  store.users.grantOwner(TERMINAL_USER as UserId);
  assert.equal(store.groups.ownersChats()[0]?.channel, "test", "nobody looks into the chats of claw");
});

test("when it is over the message says so, in place where it can be changed, and has no buttons any more", () => {
  for (const channel of ["test", "editing"]) {
    const { ask, approvals, rows, at } = given(channel);
    const { id } = ask();
    approvals.answer(owner, answer(id, "2"), null);
    const last = rows().at(-1);
    assert.equal(last?.kind, channel === "editing" ? "edit" : "message");
    assert.equal(last?.text, "A deed: No, says Owner.");
    assert.deepEqual(last?.buttons, []);
    const again = ask({ n: 2 });
    approvals.answer(owner, answer(again.id), at);
    assert.equal(rows().length, channel === "editing" ? 4 : 3, "who answered in that chat is told there already");
  }
});

test("without a chat of an owner's it waits for the command line", () => {
  const w = world();
  w.approvals.register({ kind: "deed", least: "owner", onAnswer: () => {}, onExpired: () => {} });
  const question = { kind: "deed", agentGroup: AGENT, session: null, payload: {}, choices: [YES, NO] };
  const { id, address } = w.approvals.ask({ ...question, title: "A deed", text: "?", expiresAt: w.clock.now() + 1 });
  assert.equal(address, null);
  assert.deepEqual(w.outbox(), []);
  assert.equal(w.approvals.answer({ kind: "operator" }, answer(id), null).ok, true);
});

test("a grant for one time is used once", () => {
  const { ask, approvals, clock } = given();
  const { id, hash } = ask();
  const use = () => approvals.asked.use("deed", hash, "yes", clock.now() - 1_000, clock.now());
  assert.equal(use(), null);
  approvals.answer(owner, answer(id), null);
  assert.equal(use(), id);
  assert.equal(use(), null);
  assert.ok(approvals.asked.approval(id)?.usedAt);
  assert.equal(approvals.asked.counts("deed", SESSION, 0).asked, 1);
});

test("answers are read as people type them, and buttons only as they were made", () => {
  assert.deepEqual(readTyped(" /approve 7 2 "), { id: 7, choice: "2", hash: null });
  assert.deepEqual(readTyped("/approve@nano_bot 7 Once"), { id: 7, choice: "once", hash: null });
  for (const text of [
    "/approve",
    "/approve 7",
    "/approve x 1",
    "approve 7 1",
    "/approve 7 1 now",
    "/approve 12345678901 1",
  ])
    assert.equal(readTyped(text), null, text);
  assert.equal(readPressed("approve:7:2:0123456789abcdef")?.id, 7);
  for (const value of [
    "approve:7:2",
    "approve:7:2:0123",
    "approve:7:2:0123456789ABCDEF",
    "approve:-7:2:0123456789abcdef",
  ])
    assert.equal(readPressed(value), null, value);
});
