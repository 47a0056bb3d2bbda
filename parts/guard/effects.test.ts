import assert from "node:assert/strict";
import { test } from "node:test";
import type { EffectContext } from "../../src/control/execute.ts";
import { Misuse } from "../../src/lib/errors.ts";
import { SESSION, world } from "../../test/support/world.ts";
import { flowGuard } from "./index.ts";

function given() {
  const w = world();
  const { store, audit, clock } = w;
  const { guard, effects } = flowGuard({ store, audit, clock, trusts: () => false });
  const records: string[] = [];
  const context: EffectContext = {
    actor: { kind: "operator" },
    signal: new AbortController().signal,
    permit: () => {},
    record: (resource, change, detail) => {
      records.push(`${resource} ${JSON.stringify(detail ?? {})}`);
      return store.db.transaction(() => change(1));
    },
  };
  const read = () =>
    guard.judge(SESSION, { kind: "request", host: "b.example.org", trusted: false, credential: null, reads: true });
  const taint = () => {
    guard.sawUntrusted(SESSION, { kind: "host", name: "a.example.org" });
    guard.sawPrivate(SESSION, { kind: "account", name: "mail" });
  };
  const show = (what?: string) => effects["guard.show"]({ what }, context);
  return { ...w, guard, effects, context, records, read, taint, show };
}

test("it shows why an agent is tainted, since when and by which session, and what follows", async () => {
  const { show, taint, clock } = given();
  assert.match((await show("main")).state, /read nothing/);
  taint();
  assert.deepEqual(await show(SESSION), {
    ...{ group: "main", guard: "on", state: "What goes outwards asks first." },
    untrusted: [{ what: "host:a.example.org", since: clock.now(), session: SESSION }],
    private: [{ what: "account:mail", since: clock.now(), session: SESSION }],
  });
  assert.equal((await show()).group, "main");
  await assert.rejects(async () => show("nobody"), Misuse);
});

test("clearing lets everything flow again, until something untrusted is read anew", async () => {
  const { effects, context, taint, read, guard, records } = given();
  taint();
  assert.equal(read().allow, false);
  await effects["guard.clear"]({ group: "main", private: false }, context);
  assert.equal(read().allow, true);
  guard.sawUntrusted(SESSION, { kind: "file", name: "test:owner" });
  assert.equal(read().allow, false);
  const cleared = await effects["guard.clear"]({ group: "main", private: true }, context);
  assert.deepEqual([cleared.untrusted, cleared.private], [[], []]);
  assert.deepEqual(records, [
    `agent group:main {"untrusted":1,"private":false}`,
    `agent group:main {"untrusted":1,"private":true}`,
  ]);
});

test("a waiver holds for its pair, is listed, and can be taken back", async () => {
  const { effects, context, taint, read } = given();
  taint();
  const waive = (sink: string, source = "host:A.example.org") =>
    effects["guard.waive"]({ group: "main", source, sink }, context);
  await waive("write:b.example.org");
  assert.equal(read().allow, false);
  await waive("read:b.example.org", "file:*");
  assert.equal(read().allow, false);
  await waive("read:b.example.org");
  assert.deepEqual(read(), { allow: true, because: "waived" });
  assert.equal((await effects["guard.waivers"]({}, context)).length, 3);
  const pair = { group: "main", source: "host:a.example.org", sink: "read:b.example.org" };
  await effects["guard.unwaive"](pair, context);
  assert.equal(read().allow, false);
  await assert.rejects(async () => effects["guard.unwaive"](pair, context), /no such waiver/);
});

test("a change that was undone leaves the guard as it was", async () => {
  const { effects, context, taint, read, store } = given();
  taint();
  read();
  const failing: EffectContext = {
    ...context,
    record: (_resource, change) =>
      store.db.transaction(() => {
        change(1);
        throw new Error("the disk is full");
      }),
  };
  for (const verb of ["guard.clear", "guard.off"] as const) {
    await assert.rejects(async () => effects[verb]({ group: "main", private: true }, failing));
    assert.equal(read().allow, false, verb);
  }
});

test("it can be switched off for a group, with a plain warning, and on again", async () => {
  const { effects, context, taint, read, show } = given();
  taint();
  const off = await effects["guard.off"]({ group: "main" }, context);
  assert.match(off.note, /send away whatever it can see/);
  assert.deepEqual(read(), { allow: true, because: "the guard is off" });
  assert.match((await show()).state, /guard on/);
  await effects["guard.on"]({ group: "main" }, context);
  assert.equal(read().allow, false);
});

test("a group or a chat is marked private, which clearing does not undo, and unmarked", async () => {
  const { effects, context, show } = given();
  const mark = (what: string, undo = false) => effects["guard.private"]({ what, undo }, context);
  const inSight = async () => (await show()).private.map(({ what }) => what);
  await mark("main");
  await mark("test:room");
  assert.deepEqual(await inSight(), ["chat:test:room", "group:main"]);
  await effects["guard.clear"]({ group: "main", private: true }, context);
  assert.deepEqual(await inSight(), ["group:main"]);
  await mark("main", true);
  await mark("test:room", true);
  assert.deepEqual(await inSight(), []);
  await assert.rejects(async () => mark("test:nowhere"), /neither an agent group nor a chat/);
});
