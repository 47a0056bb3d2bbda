import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { AGENT, OWNER, SESSION, world } from "../../test/support/world.ts";
import type { SessionId } from "../lib/ids.ts";
import { MOST_WAITING_CONTEXT } from "./inbox.ts";
import { EVERYWHERE } from "./sessions.ts";

const number = fc.integer({ min: 1, max: 4 }).map((one) => one * 2);
const turn = fc.constantFrom(11, 13);
const step = fc.oneof(
  fc.record({ act: fc.constant("intoTurn" as const), number, turn }),
  fc.record({ act: fc.constantFrom("done" as const, "failed" as const), number, turn }),
  fc.record({ act: fc.constantFrom("release" as const, "requeue" as const), number }),
  fc.record({ act: fc.constant("failAll" as const) }),
);

test("property: a row ends once, from its own turn or with all the others, and only cut-off turns count as tries", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const { store, say } = world();
      for (const text of ["a", "b", "c", "d"]) say(text);
      const { inbox } = store;
      const ends: string[] = [];
      const unfinished = () => new Map(inbox.unfinished(SESSION).map((row) => [row.number, row]));
      for (const one of steps) {
        const before = unfinished();
        const row = "number" in one ? before.get(one.number) : undefined;
        if (one.act === "failAll") ends.push(...inbox.endAll(SESSION, "failed"));
        else if (!("turn" in one)) inbox[one.act](SESSION, one.number);
        else if (one.act === "intoTurn") {
          const refused = inbox.intoTurn(SESSION, [one.number], one.turn);
          assert.equal(refused.length, row?.state === "queued" ? 0 : 1);
        } else {
          const answered = inbox.finish(SESSION, [one.number], one.turn, one.act);
          assert.equal(answered.length, row?.state === "in_turn" && row.turn === one.turn ? 1 : 0);
          ends.push(...answered);
        }
        const after = unfinished();
        for (const number of after.keys()) assert.ok(before.has(number), `row ${number} came back`);
        for (const { number, attempt, state, turn } of after.values()) {
          const counted = one.act === "requeue" && one.number === number && before.get(number)?.state === "in_turn";
          assert.equal(attempt, (before.get(number)?.attempt ?? 0) + (counted ? 1 : 0));
          assert.equal(turn === null, state === "queued");
        }
        assert.equal(inbox.hasWork(SESSION), after.size > 0);
      }
      assert.equal(new Set(ends).size, ends.length, "ended twice");
      assert.equal(ends.length + inbox.countUnfinished(), 4);
    }),
  );
});

test("context that gave way to later context may still be part of the turn that it was told in, once", () => {
  const { store, say } = world();
  const { inbox } = store;
  const told = say("early", false);
  const asked = say("and you?");
  for (let n = 0; n < MOST_WAITING_CONTEXT; n++) say(`later ${n}`, false);
  assert.ok(!inbox.unfinished(SESSION).some(({ number }) => number === told));
  assert.deepEqual(inbox.intoTurn(SESSION, [told, asked], 1), []);
  inbox.finish(SESSION, [told, asked], 1, "done");
  assert.deepEqual(inbox.intoTurn(SESSION, [told, asked], 3), [told, asked]);
});

const ALL = "s-all" as SessionId;

/** One conversation over many chats. */
function everywhere() {
  const w = world();
  const { store, clock, session } = w;
  store.sessions.add({ ...session, id: ALL, agentGroup: AGENT, conversation: EVERYWHERE });
  let said = 0;
  const say = (chat: string, thread: string | null = null, engages = true): number => {
    said += 1;
    const event = {
      channel: "test",
      chat,
      thread,
      platformId: `${chat}-${said}`,
      revision: 0,
      change: "said",
    } as const;
    const by = { author: "person", userId: OWNER, userName: "Owner", script: null } as const;
    const id = store.inbox.addEvent({
      ...event,
      ...by,
      files: [],
      text: chat,
      saidAt: clock.now(),
      receivedAt: clock.now(),
    });
    const number = store.sessions.nextNumber(ALL, clock.now());
    store.inbox.enqueue(ALL, number, id ?? 0, engages);
    return number;
  };
  const speaksIn = () => {
    const { chat, thread } = store.sessions.session(ALL) ?? assert.fail();
    return thread ? `${chat}/${thread}` : chat;
  };
  const waits = () => store.inbox.unfinished(ALL).map(({ number }) => number);
  const answer = (...numbers: number[]) => {
    store.inbox.intoTurn(ALL, numbers, 1);
    return store.inbox.finish(ALL, numbers, 1, "done");
  };
  return { ...w, say, speaksIn, waits, answer };
}

test("a conversation over many chats speaks in the chat of what it answers, and one waits for the other", () => {
  const { say, speaksIn, waits, answer, store } = everywhere();
  const a = say("a");
  assert.equal(speaksIn(), "a");
  const again = say("a");
  const b = say("b", "t1");
  const last = say("a");
  assert.deepEqual([speaksIn(), waits()], ["a", [a, again]]);
  answer(a);
  assert.deepEqual([speaksIn(), waits()], ["a", [again]]);
  answer(again);
  assert.deepEqual([speaksIn(), waits()], ["b/t1", [b]]);
  answer(b);
  assert.deepEqual([speaksIn(), waits()], ["a", [last]]);
  answer(last);
  assert.deepEqual([speaksIn(), waits(), store.inbox.hasWork(ALL)], ["a", [], false]);
});

test("context of other chats holds up nobody and rides along", () => {
  const { say, speaksIn, waits } = everywhere();
  const a = say("a");
  const context = say("c", null, false);
  const again = say("a");
  assert.deepEqual([speaksIn(), waits()], ["a", [a, context, again]]);
});

test("what is given up is that of one chat: the others have their own turn, and their own end", () => {
  const { say, speaksIn, waits, store } = everywhere();
  say("a");
  const b = say("b");
  assert.deepEqual(store.inbox.endAll(ALL, "failed"), ["a-1"]);
  assert.deepEqual([speaksIn(), waits()], ["b", [b]]);
  assert.deepEqual(store.inbox.endAll(ALL, "failed"), ["b-2"]);
});
