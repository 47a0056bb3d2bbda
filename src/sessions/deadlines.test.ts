import assert from "node:assert/strict";
import { test } from "node:test";
import { SESSION, world } from "../../test/support/world.ts";
import { silentLog } from "../lib/log.ts";
import { Deadlines, PATIENCE } from "./deadlines.ts";

function given() {
  const w = world();
  let asked = 0;
  const causeOf = () => {
    asked += 1;
    return "my container is still starting";
  };
  const restarted = () => new Deadlines({ store: w.store, clock: w.clock, log: silentLog, causeOf });
  /** What was said arrives. */
  const arrive = () => {
    for (const { id } of w.store.outbox.list(null, 9)) w.store.outbox.sent(id, "p", w.clock.now());
  };
  return { ...w, deadlines: restarted(), restarted, arrive, asked: () => asked };
}

test("whoever waits too long is told once why, however many messages they wrote", () => {
  const { say, deadlines, clock, outbox } = given();
  say("one");
  deadlines.arm();
  clock.advance(30_000);
  say("two");
  deadlines.arm();
  clock.advance(PATIENCE - 30_001);
  assert.deepEqual(outbox(), []);
  clock.advance(1);
  assert.match(outbox().join(), /has to wait: my container is still starting/);
  clock.advance(24 * 60 * 60_000);
  assert.equal(outbox().length, 1);
});

test("a message after that is told of anew when it waits too long itself", () => {
  const { say, deadlines, clock, outbox, arrive } = given();
  say("one");
  deadlines.arm();
  clock.advance(PATIENCE);
  arrive();
  say("two");
  deadlines.arm();
  clock.advance(PATIENCE - 1);
  assert.equal(outbox().length, 1);
  clock.advance(1);
  assert.equal(outbox().length, 2);
});

test("in a conversation over many chats who waits is told where they wait, while another chat is spoken to", () => {
  const { say, deadlines, clock, store } = given();
  store.db.run("UPDATE sessions SET conversation='*'");
  const first = say("one");
  store.inbox.intoTurn(SESSION, [first], 1);
  say("two");
  store.db.run("UPDATE inbound_events SET chat='other' WHERE text='two'");
  deadlines.arm();
  clock.advance(PATIENCE);
  const [told, ...more] = store.outbox.list(null, 9);
  assert.deepEqual([told?.chat, more, store.sessions.session(SESSION)?.chat], ["other", [], "room"]);
});

test("what is in a turn, has its end, or is only context is not told of", () => {
  const { say, deadlines, clock, outbox, store } = given();
  const [taken, done, context] = [say("one"), say("two"), say("three")];
  deadlines.arm();
  store.inbox.intoTurn(SESSION, [taken, done], 1);
  store.inbox.finish(SESSION, [done], 1, "done");
  store.db.run("UPDATE inbox SET engages=0 WHERE number=?", context);
  clock.advance(10 * PATIENCE);
  assert.deepEqual(outbox(), []);
});

test("what waited while the host was off is told of at once", () => {
  const { say, deadlines, clock, outbox } = given();
  say("one");
  clock.advance(60 * 60_000);
  deadlines.arm();
  clock.advance(0);
  assert.equal(outbox().length, 1);
});

test("when the clock is set back, who waits is told in time, if not too early, in whatever order they came", () => {
  const { say, deadlines, clock, outbox, store } = given();
  const first = say("one");
  deadlines.arm();
  clock.advance(50);
  say("two");
  store.turns.start(SESSION, 1, clock.now());
  store.inbox.intoTurn(SESSION, [first], 1);
  clock.jump(-3_600_000);
  clock.advance(PATIENCE);
  assert.equal(outbox().length, 1);
});

for (const back of [-60_000, -3_600_000]) {
  test(`a clock that is set back by ${-back / 60_000} min keeps nobody waiting in silence, also over a restart`, () => {
    const { say, deadlines, restarted, clock, outbox, arrive } = given();
    say("one");
    deadlines.arm();
    clock.advance(30_000);
    clock.jump(back);
    clock.advance(PATIENCE - 30_001);
    assert.deepEqual(outbox(), []);
    clock.advance(1);
    assert.equal(outbox().length, 1);
    arrive();
    say("two");
    deadlines.stop();
    clock.jump(back);
    restarted().arm();
    clock.advance(PATIENCE);
    assert.equal(outbox().length, 2);
  });
}

test("a database that can't be written is tried again, and nobody counts as told before it was", () => {
  const { say, deadlines, clock, outbox, store } = given();
  say("one");
  deadlines.arm();
  store.db.exec("CREATE TRIGGER full BEFORE INSERT ON outbox BEGIN SELECT RAISE(ABORT, 'full'); END");
  clock.advance(2 * PATIENCE);
  store.db.exec("DROP TRIGGER full");
  clock.advance(10_000);
  assert.equal(outbox().length, 1);
});

test("nothing looks at the clock where nothing waits, or after the stop", () => {
  const { say, deadlines, clock, outbox, asked } = given();
  deadlines.arm();
  clock.advance(10 * PATIENCE);
  say("one");
  deadlines.arm();
  deadlines.stop();
  deadlines.arm();
  clock.advance(10 * PATIENCE);
  assert.deepEqual(outbox(), []);
  assert.equal(asked(), 0);
});
