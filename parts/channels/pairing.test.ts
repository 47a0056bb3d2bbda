import assert from "node:assert/strict";
import { test } from "node:test";
import type { ChannelEvent } from "../../src/channels/channel.ts";
import { Router } from "../../src/inbound/router.ts";
import type { UserId } from "../../src/lib/ids.ts";
import { AGENT, countingRandom, world } from "../../test/support/world.ts";
import { CODE_LIFE } from "./pairing.ts";

const CODE = "abcd2345";

/** It is a word like any other in a chat that no agent is in, which is asked about; here nobody asks. */
const NO_CODE = "refused";

function given() {
  const w = world();
  const router = new Router({ ...w, random: countingRandom(), wake: () => {} });
  w.pairings.add(CODE, { channel: "test", agentGroup: AGENT }, w.clock.now() + CODE_LIFE);
  const say = (text: string, change: Partial<ChannelEvent> = {}) =>
    router.accept({
      address: { channel: "test", chat: "direct-1", thread: null },
      ...{ platformId: "m1", revision: 0, change: "said", user: "test:ann", userName: "Ann", text, files: [] },
      ...{ at: w.clock.now(), mentioned: true, direct: true },
      ...change,
    });
  const isOwner = (user = "test:ann") => w.store.users.isOwner(user as UserId);
  const wirings = () => {
    const room = w.store.groups.messagingGroup("test", "direct-1");
    return room ? w.store.groups.wirings(room.id).map(({ agentGroup }) => agentGroup) : [];
  };
  return { ...w, say, isOwner, wirings };
}

test("whoever sends the code is an owner, their chat is the agent's, and all of it is audited and said", async () => {
  for (const text of [CODE, ` ${CODE.toUpperCase()}\n`, `/start ${CODE}`, `/pair ${CODE}`]) {
    const { say, isOwner, wirings, audit, outbox } = given();
    assert.deepEqual(await say(text), { status: "accepted" });
    assert.equal(isOwner(), true);
    assert.deepEqual(wirings(), [AGENT]);
    assert.match(outbox()[0] ?? "", /^system: This chat is now yours and Nano's/);
    const records = audit.list(10);
    assert.deepEqual(
      records.map(({ actor, verb }) => [actor, verb]),
      [["test:ann", "channels.pair"]],
    );
    assert.equal(JSON.stringify(records).includes(CODE), false);
  }
});

test("a code is good once; the platform's repeat of the message is a duplicate that no agent hears", async () => {
  const { say, isOwner, store } = given();
  await say(CODE);
  assert.deepEqual(await say(CODE), { status: "duplicate" });
  assert.equal(store.inbox.countUnfinished(), 0);
  const other = { address: { channel: "test", chat: "direct-2", thread: null }, user: "test:eve", platformId: "m7" };
  assert.equal((await say(CODE, other)).status, NO_CODE);
  assert.equal(isOwner("test:eve"), false);
});

test("a code that is too late, replaced, of another channel, in a group or in an edit ties nothing", async () => {
  const late = given();
  late.clock.advance(CODE_LIFE);
  assert.equal((await late.say(CODE)).status, NO_CODE);
  assert.equal(late.isOwner(), false);

  const replaced = given();
  replaced.pairings.add("zzzz9999", { channel: "test", agentGroup: AGENT }, replaced.clock.now() + CODE_LIFE);
  assert.equal((await replaced.say(CODE)).status, NO_CODE);
  assert.equal((await replaced.say("zzzz9999")).status, "accepted");

  for (const change of [
    { address: { channel: "elsewhere", chat: "direct-1", thread: null } },
    { direct: false },
    { change: "edited" as const, revision: 1 },
  ]) {
    const { say, isOwner } = given();
    await say(CODE, change);
    assert.equal(isOwner(), false);
    // It was not used up by that.
    assert.equal((await say(CODE, { platformId: "m2" })).status, "accepted");
    assert.equal(isOwner(), true);
  }
});

test("only a hash of a code is kept", () => {
  const { store } = given();
  assert.equal(JSON.stringify(store.db.all("SELECT * FROM pairings")).includes(CODE), false);
});

test("a code that fails half-way is good for another try", async () => {
  const { say, store, isOwner } = given();
  store.db.exec("CREATE TRIGGER full BEFORE INSERT ON outbox BEGIN SELECT RAISE(ABORT, 'full'); END");
  await assert.rejects(say(CODE));
  assert.equal(isOwner(), false);
  store.db.exec("DROP TRIGGER full");
  assert.equal((await say(CODE)).status, "accepted");
});

test("a chat that is paired again keeps one wiring and hears a second welcome", async () => {
  const { say, wirings, pairings, clock, outbox } = given();
  await say(CODE);
  clock.advance(1);
  pairings.add("zzzz9999", { channel: "test", agentGroup: AGENT }, clock.now() + 1);
  await say("zzzz9999", { platformId: "m2" });
  assert.deepEqual(wirings(), [AGENT]);
  assert.equal(outbox().length, 2);
});
