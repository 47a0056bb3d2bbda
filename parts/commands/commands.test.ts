import assert from "node:assert/strict";
import { test } from "node:test";
import type { ChannelEvent } from "../../src/channels/channel.ts";
import { type Effects, Executor } from "../../src/control/execute.ts";
import { Router } from "../../src/inbound/router.ts";
import type { AgentGroupId, MessagingGroupId, SessionId, UserId } from "../../src/lib/ids.ts";
import { AGENT, countingRandom, OWNER, SESSION, world } from "../../test/support/world.ts";
import { conversationEffects } from "../conversations/index.ts";
import { groupEffects } from "../groups/index.ts";
import { chatCommands } from "./index.ts";

const ROOM = "m-1" as MessagingGroupId;
const ANN = "test:ann" as UserId;

function given() {
  const w = world();
  const { store, audit, clock } = w;
  const did: string[] = [];
  const random = countingRandom();
  const supervisor = {
    stateOf: () => "ready" as const,
    stopWork: (id: SessionId) => void did.push(`stop ${id}`),
    renew: (id: SessionId) => void did.push(`renew ${id}`),
    dismissAll: (those: (id: SessionId) => boolean) => void did.push(`dismiss ${those(SESSION)}`),
  };
  const none = { requests: 0, input: 0, output: 0, cacheRead: 0, cacheWrite: 0, cost: 0, estimated: 0, unpriced: 0 };
  const executor = new Executor(
    {
      ...conversationEffects({ store, supervisor: () => supervisor }),
      ...groupEffects({ store, clock, random, router: null as never, supervisor: supervisor as never, groupsDir: "" }),
      "usage.show": () => ({ by: "day", since: "", rows: [], total: { ...none, requests: 3, cost: 120_000 } }),
      "tasks.list": () => [],
    } as Partial<Effects> as Effects,
    store,
    audit,
  );
  const router = new Router({
    ...{ ...w, random, wake: () => {} },
    commands: chatCommands({ store, executor: () => executor }),
  });
  let count = 0;
  const says = async (text: string, user: string = OWNER, more: Partial<ChannelEvent> = {}) => {
    count += 1;
    const before = w.outbox().length;
    const { status } = await router.accept({
      ...{ address: { channel: "test", chat: "room", thread: null }, platformId: `c${count}`, revision: 0, user },
      ...{ userName: user, text, at: clock.now(), mentioned: true, direct: false, change: "said", files: [] },
      ...more,
    });
    return { status, said: w.outbox().slice(before) };
  };
  store.users.put({ id: ANN, name: "Ann", timeZone: null }, clock.now());
  return { ...w, says, did };
}

test("/new begins a new conversation: what runs is stopped, what its container says of the old one no longer counts", async () => {
  const { says, store, did, say } = given();
  store.sessions.setContinuation(SESSION, { provider: "null", value: "old" });
  say("hello");
  assert.deepEqual((await says("/new")).said, [
    "system: A new conversation begins here. I no longer have in mind what was said before.",
  ]);
  assert.deepEqual(did, [`stop ${SESSION}`, `renew ${SESSION}`]);
  assert.equal(store.sessions.continuation(SESSION, "null"), null);
  store.sessions.setContinuation(SESSION, { provider: "null", value: "from the old container" });
  assert.equal(store.sessions.continuation(SESSION, "null"), null);
  store.sessions.begun(SESSION);
  store.sessions.setContinuation(SESSION, { provider: "null", value: "new" });
  assert.equal(store.sessions.continuation(SESSION, "null")?.value, "new");
});

test("what one may not do is not done, and says what it takes; it is recorded under that name", async () => {
  const { says, store, audit, did, clock } = given();
  store.db.run("UPDATE messaging_groups SET unknown_sender_policy='public'");
  assert.deepEqual((await says("/new", ANN)).said, [
    'system: That was not done: "sessions.reset" needs a member, and test:ann is a guest.',
  ]);
  store.users.addMember(ANN, ROOM, clock.now());
  assert.match((await says("/new", ANN)).said[0] ?? "", /A new conversation/);
  assert.match((await says("/model fast", ANN)).said[0] ?? "", /needs an admin, and test:ann is a member/);
  assert.equal(store.groups.agentGroup(AGENT)?.model, null);
  store.users.grant(ANN, { role: "admin", agentGroup: AGENT });
  assert.match((await says("/model fast", ANN)).said[0] ?? "", /My model is now fast/);
  assert.equal(store.groups.agentGroup(AGENT)?.model, "fast");
  assert.match((await says("/model", ANN)).said[0] ?? "", /My model is fast/);
  assert.deepEqual(did, [`renew ${SESSION}`, "dismiss true"]);
  assert.deepEqual(
    audit
      .list(20)
      .filter(({ actor }) => actor === ANN)
      .map(({ verb, decision }) => `${verb} ${decision}`),
    ["sessions.reset deny", "sessions.reset allow", "groups.set deny", "groups.set allow"],
  );
});

test("a command is carried out once, however often it comes; a stranger's leaves nothing", async () => {
  const { says, did, store } = given();
  await says("/new", OWNER, { platformId: "once" });
  assert.equal((await says("/new", OWNER, { platformId: "once" })).status, "duplicate");
  assert.deepEqual(did, [`renew ${SESSION}`]);
  assert.equal((await says("/new", "test:eve")).status, "refused");
  assert.equal(store.db.all("SELECT 1 FROM inbound_events WHERE user_id='test:eve'").length, 0);
});

test("/help lists what one may here, and nothing else", async () => {
  const { says, store } = given();
  const listed = async (user: string) =>
    ((await says("/help", user)).said[0] ?? "").split("\n").flatMap((line) => /^\/(\w+)/.exec(line)?.[1] ?? []);
  assert.deepEqual(await listed(OWNER), ["new", "stop", "status", "model", "cost", "tasks", "approve", "help"]);
  store.db.run("UPDATE messaging_groups SET unknown_sender_policy='public'");
  assert.deepEqual(await listed(ANN), ["stop", "status", "help"]);
});

test("status, cost and tasks are told in words", async () => {
  const { says, store, say } = given();
  say("hello");
  store.turns.start(SESSION, 1, 0);
  assert.deepEqual((await says("/status")).said, [
    "system: Nano is ready.\nAt work for 17 minutes.\nMessages without an answer yet: 1.\nModel: default.",
  ]);
  assert.deepEqual((await says("/cost")).said, ["system: In seven days: $0.12 for 3 requests."]);
  assert.deepEqual((await says("/tasks")).said, ["system: I have no scheduled tasks."]);
});

test("where several agents listen, each answers for itself", async () => {
  const { says, store } = given();
  const two = "a-2" as AgentGroupId;
  store.groups.addAgentGroup({
    ...(store.groups.agentGroup(AGENT) ?? assert.fail()),
    id: two,
    folder: "two",
    name: "Two",
  });
  store.groups.wire(ROOM, { agentGroup: two, engageMode: "always", sessionMode: "shared" });
  assert.deepEqual((await says("/new")).said, [
    "system: Nano: A new conversation begins here. I no longer have in mind what was said before.\nTwo: Nobody has said anything here yet.",
  ]);
  assert.deepEqual((await says("/stop")).said, [
    "system: Nano: There is nothing to stop.\nTwo: There is nothing to stop.",
  ]);
});

test("only a command that stands alone is one; what else begins with a slash is for the agent", async () => {
  const { says, store } = given();
  const heard = () => store.inbox.unfinished(SESSION).map(({ text }) => text);
  const talk = ["/newer", "/new\nand more", "please /stop", "/unknown", "/help me", "//stop", "/ stop"];
  for (const text of talk) await says(text);
  assert.deepEqual(heard(), talk);
  for (const text of ["/STATUS", " /status@some_bot ", "/model  "]) await says(text);
  assert.deepEqual(heard(), talk);
});
