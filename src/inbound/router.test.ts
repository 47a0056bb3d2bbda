import assert from "node:assert/strict";
import { test } from "node:test";
import { countingRandom, OWNER, SESSION, world } from "../../test/support/world.ts";
import type { ChannelEvent } from "../channels/channel.ts";
import { Misuse } from "../lib/errors.ts";
import { Router } from "./router.ts";

function given() {
  const w = world();
  const woken: string[] = [];
  const router = new Router({
    ...{ store: w.store, audit: w.audit, clock: w.clock, random: countingRandom() },
    wake: (session) => {
      // What a session is woken for is committed already.
      assert.equal(w.store.inbox.hasWork(session), true);
      woken.push(session);
    },
  });
  const event = (change: Partial<ChannelEvent> = {}): ChannelEvent => ({
    address: { channel: "test", chat: "room", thread: null },
    platformId: "m1",
    revision: 0,
    user: OWNER,
    userName: "Owner",
    text: "hello",
    at: w.clock.now(),
    mentioned: true,
    ...change,
  });
  const stored = () => w.store.db.all("SELECT * FROM inbound_events");
  return { ...w, router, event, woken, stored };
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
  const unwired = await router.accept(event({ address: { channel: "test", chat: "elsewhere", thread: null } }));
  assert.equal(unwired.status, "ignored");
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
