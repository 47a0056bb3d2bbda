import assert from "node:assert/strict";
import { test } from "node:test";
import type { verbs } from "../../api/verbs.ts";
import type { Effects } from "../../src/control/execute.ts";
import { Executor } from "../../src/control/execute.ts";
import { Router } from "../../src/inbound/router.ts";
import { Misuse } from "../../src/lib/errors.ts";
import type { AgentGroupId } from "../../src/lib/ids.ts";
import { countingRandom, OWNER, SESSION, world } from "../../test/support/world.ts";
import { type Rooms, rooms } from "./index.ts";

/** The verbs as the command line reaches them: schema, gate and audit record included. */
function given() {
  const w = world();
  const { store, clock, approvals } = w;
  const random = countingRandom();
  const hold: Rooms["hold"] = (event, room) => part.hold(event, room);
  const router: Router = new Router({ ...w, random, hold, wake: () => {} });
  const up = (id: string) => ({ id, state: "up" as const, detail: "" });
  const registry = { health: () => [up("test"), up("terminal")] };
  const part: Rooms = rooms({ store, clock, random, approvals, registry, router, groupsDir: "" });
  const executor = new Executor(part.effects as unknown as Effects, store, w.audit);
  const run = async (verb: keyof typeof verbs, args: Record<string, unknown>) => {
    const outcome = await executor.execute({ kind: "operator" }, verb, args, new AbortController().signal);
    return outcome.stream ? assert.fail() : outcome.result;
  };
  const { id: _, ...group } = store.groups.agentGroups()[0] ?? assert.fail();
  const ops = "a-2" as AgentGroupId;
  store.groups.addAgentGroup({ ...group, id: ops, folder: "ops" });
  const everything = () =>
    JSON.stringify(
      ["messaging_groups", "messaging_group_agents", "engagements", "members", "settings", "refused"].map((table) =>
        store.db.all(`SELECT * FROM ${table}`),
      ),
    );
  const says = (text: string, platformId: string, mentioned = true) =>
    router.accept({
      ...{ address: { channel: "test", chat: "room", thread: null }, platformId, revision: 0, change: "said" },
      ...{ user: OWNER, userName: "Owner", text, at: clock.now(), mentioned, direct: false, files: [] },
    });
  return { ...w, ops, run, everything, says };
}

const USUAL = { engage: "mention", pattern: "", senders: "all", ignored: "drop", sessionMode: "shared", priority: 0 };

test("an agent is wired to a chat that nobody knew, changed on one axis at a time, shown, and taken out", async () => {
  const { run, store, audit } = given();
  const where = { group: "ops", chat: "test:-100 the club" };
  assert.deepEqual(await run("wirings.add", where), { ...where, ...USUAL });
  assert.equal(store.groups.messagingGroup("test", "-100 the club")?.unknownSenderPolicy, "request_approval");
  const pattern = { engage: "pattern", pattern: "(?i)\\bops\\b" };
  assert.deepEqual(await run("wirings.set", { ...where, pattern: pattern.pattern }), {
    ...where,
    ...USUAL,
    ...pattern,
  });
  const kept = { senders: "known", ignored: "accumulate", sessionMode: "per-thread", priority: 7 };
  assert.deepEqual(await run("wirings.set", { ...where, ...kept }), { ...where, ...pattern, ...kept });
  const sticky = { ...where, ...kept, engage: "mention-sticky", pattern: "" };
  assert.deepEqual(await run("wirings.set", { ...where, engage: "mention-sticky" }), sticky);
  assert.deepEqual(await run("wirings.list", { group: "ops" }), [sticky]);
  const main = { group: "main", chat: "test:room", ...USUAL, engage: "always" };
  assert.deepEqual(await run("wirings.list", {}), [sticky, main]);
  assert.deepEqual(await run("wirings.list", { chat: "test:room" }), [main]);
  assert.deepEqual(await run("wirings.remove", where), { done: true });
  assert.deepEqual(await run("wirings.list", { group: "ops" }), []);
  const done = audit.list(20).filter(({ verb }) => verb.startsWith("wirings."));
  assert.deepEqual(
    done.map(({ verb, resource, actor }) => `${actor} ${verb} ${resource}`),
    ["add", "set", "set", "set", "remove"].map((verb) => `operator wirings.${verb} test:-100 the club`),
  );
});

test("in a room with several agents the one of higher priority is named first", async () => {
  const { run, store } = given();
  const names = () =>
    store.groups
      .wirings(store.groups.messagingGroup("test", "room")?.id ?? assert.fail())
      .map(({ agentGroup }) => agentGroup);
  await run("wirings.add", { group: "ops", chat: "test:room", priority: -1 });
  assert.deepEqual(names(), ["a-1", "a-2"]);
  await run("wirings.set", { group: "ops", chat: "test:room", priority: 1 });
  assert.deepEqual(names(), ["a-2", "a-1"]);
});

test("a terminal chat is the owner's own, from the moment that it is made", async () => {
  const { run, store } = given();
  await run("wirings.add", { group: "ops", chat: "terminal:work", engage: "always" });
  const room = store.groups.messagingGroup("terminal", "work");
  assert.deepEqual([room?.directUser, room?.unknownSenderPolicy], ["terminal:owner", "strict"]);
});

test("what can't be wired is refused with the reason, and nothing is changed", async () => {
  const { run, everything } = given();
  const before = everything();
  const refused: [keyof typeof verbs, Record<string, unknown>, RegExp][] = [
    ["wirings.add", { group: "nobody", chat: "test:x" }, /no agent group "nobody"/],
    ["wirings.add", { group: "a-2", chat: "test:x" }, /no agent group "a-2"/],
    ["wirings.add", { group: "../ops", chat: "test:x" }, /group: use lower-case/],
    ["wirings.add", { group: "оps", chat: "test:x" }, /group: use lower-case/],
    ["wirings.add", { group: "main", chat: "test:room" }, /in the chat "test:room" already/],
    ["wirings.add", { group: "ops", chat: "room" }, /not written as channel:chat/],
    ["wirings.add", { group: "ops", chat: "tеst:room" }, /not written as channel:chat/],
    ["wirings.add", { group: "ops", chat: "Test:room" }, /not written as channel:chat/],
    ["wirings.add", { group: "ops", chat: "other:room" }, /the channel "other" is not there/],
    ["wirings.add", { group: "ops", chat: "test:rооm" }, /letters that look alike/],
    ["wirings.add", { group: "ops", chat: "test:ｒoom" }, /only look like others/],
    ["wirings.add", { group: "ops", chat: "test:room\u200b" }, /can't be seen/],
    ["wirings.add", { group: "ops", chat: "test:room\u00a0x" }, /can't be seen/],
    ["wirings.add", { group: "ops", chat: "test: room" }, /can't be seen/],
    ["wirings.add", { group: "ops", chat: "test:ro\nom" }, /can't be seen/],
    ["wirings.add", { group: "ops", chat: "test:../room" }, /parts of a path/],
    ["wirings.add", { group: "ops", chat: "test:a/../room" }, /parts of a path/],
    ["wirings.add", { group: "ops", chat: "test:/etc" }, /parts of a path/],
    ["wirings.add", { group: "ops", chat: `test:${"x".repeat(301)}` }, /longer than 300/],
    ["wirings.add", { group: "ops", chat: "test:x", engage: "pattern" }, /pattern can't be used: there is none/],
    ["wirings.add", { group: "ops", chat: "test:x", pattern: "(" }, /pattern can't be used: missing/],
    ["wirings.add", { group: "ops", chat: "test:x", pattern: "(?=a)" }, /pattern can't be used: .*Perl/],
    ["wirings.add", { group: "ops", chat: "test:x", pattern: "x".repeat(201) }, /longer than 200/],
    ["wirings.add", { group: "ops", chat: "test:x", engage: "mention", pattern: "x" }, /does not go with/],
    ["wirings.add", { group: "ops", chat: "test:x", engage: "sometimes" }, /engage/],
    ["wirings.add", { group: "ops", chat: "test:x", priority: 1.5 }, /priority/],
    ["wirings.add", { group: "ops", chat: "test:x", more: 1 }, /more/],
    ["wirings.set", { group: "ops", chat: "test:room", senders: "known" }, /"ops" is not in the chat/],
    ["wirings.set", { group: "main", chat: "test:nowhere" }, /is not known/],
    ["wirings.set", { group: "main", chat: "test:room", pattern: "[" }, /pattern can't be used/],
    ["wirings.set", { group: "main", chat: "test:room", engage: "pattern" }, /there is none/],
    ["wirings.remove", { group: "ops", chat: "test:room" }, /"ops" is not in the chat/],
    ["wirings.list", { group: "nobody" }, /no agent group/],
    ["wirings.list", { chat: "test:nowhere" }, /is not known/],
    ["messaging-groups.show", { chat: "test:nowhere" }, /is not known/],
    ["messaging-groups.show", { chat: "m-1" }, /not written as channel:chat/],
    ["messaging-groups.forget", { chat: "test:room" }, /was not refused/],
    ["messaging-groups.unknown", { channel: "../test", asks: "ask" }, /channel/],
    ["senders.policy", { chat: "test:nowhere", policy: "public" }, /is not known/],
  ];
  for (const [verb, args, why] of refused) {
    await assert.rejects(run(verb, args), (error: Error) => {
      assert.match(error.message, why, JSON.stringify([verb, args]));
      return error instanceof Misuse || error.name === "BadArguments";
    });
    // The key of hashes is made when it is first looked whether somebody was refused.
    assert.equal(everything().replace(/\{"key":"strangers:key"[^}]*\}/, ""), before, JSON.stringify([verb, args]));
  }
});

test("what was said before an agent was taken out is still its to answer; later words are nobody's", async () => {
  const { run, says, store } = given();
  await run("wirings.set", { group: "main", chat: "test:room", engage: "mention-sticky" });
  await says("one", "p1");
  await run("wirings.remove", { group: "main", chat: "test:room" });
  assert.deepEqual(
    store.inbox.unfinished(SESSION).map(({ text, engages }) => [text, engages]),
    [["one", true]],
  );
  assert.ok(store.sessions.session(SESSION));
  assert.equal((await says("two", "p2", false)).status, "ignored");
  assert.equal((await says("three", "p3")).status, "held", "who mentions it asks for it again");
  await run("wirings.add", { group: "main", chat: "test:room", engage: "mention-sticky" });
  assert.equal((await says("four", "p4", false)).status, "ignored", "nothing is left of what it stuck to");
});
