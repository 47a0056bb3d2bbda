import assert from "node:assert/strict";
import { test } from "node:test";
import { type VerbInput, verbs } from "../../api/verbs.ts";
import type { EffectContext } from "../../src/control/execute.ts";
import { Router } from "../../src/inbound/router.ts";
import { silentLog } from "../../src/lib/log.ts";
import { AGENT, countingRandom, world } from "../../test/support/world.ts";
import { type ScheduledTasksParts, scheduledTasks } from "./index.ts";

function given() {
  const w = world();
  const { store, audit, clock } = w;
  const random = countingRandom();
  const router = new Router({ ...w, random, wake: () => {} });
  const { scheduler, effects } = scheduledTasks({
    ...{ store, audit, clock, random, router, log: silentLog, supervisor: { dismiss: async () => {} } },
    containers: {} as ScheduledTasksParts["containers"],
  });
  const { tasks } = scheduler;
  const records: string[] = [];
  const context: EffectContext = {
    actor: { kind: "operator" },
    signal: new AbortController().signal,
    permit: () => {},
    record: (resource, change) => {
      records.push(resource);
      return store.db.transaction(() => change(0));
    },
  };
  const add = async (wanted: Partial<VerbInput<"tasks.add">> = {}) =>
    effects["tasks.add"](
      verbs["tasks.add"].args.parse({ group: "main", prompt: "look", name: "look", chat: "test:room", ...wanted }),
      context,
    );
  return { ...w, tasks, effects, context, records, add };
}

test("a task is added with what was asked for, shown, listed, paused, resumed and removed", async () => {
  const g = given();
  const added = await g.add({ cron: "0 9 * * *", timeZone: "Europe/Berlin", session: "own", missed: "skip" });
  assert.deepEqual(
    [added.schedule, added.timeZone, added.session, added.missed, added.chat, added.state, added.group],
    ["0 9 * * *", "Europe/Berlin", "own", "skip", "test:room", "active", "main"],
  );
  assert.equal(new Date(added.nextAt ?? 0).toISOString(), "1970-01-01T08:00:00.000Z");
  const { task } = added;
  const { effects, context } = g;
  assert.equal((await effects["tasks.pause"]({ task }, context)).state, "paused");
  assert.equal((await effects["tasks.resume"]({ task }, context)).nextAt, added.nextAt);
  assert.equal((await effects["tasks.run"]({ task }, context)).state, "running");
  assert.equal((await effects["tasks.show"]({ task, limit: 20 }, context)).runs.length, 1);
  assert.deepEqual(
    (await effects["tasks.list"]({ limit: 50 }, context)).map((one) => one.task),
    [task],
  );
  await effects["tasks.remove"]({ task }, context);
  assert.deepEqual(await effects["tasks.list"]({ limit: 50 }, context), []);
  assert.deepEqual(g.records, Array(5).fill(`task:${task}`));
});

test("without a time zone it is the owner's", async () => {
  assert.equal((await given().add({ every: "15m" })).timeZone, "UTC");
});

test("what can't be is refused with a reason and a next step", async () => {
  const g = given();
  for (const [wanted, reason] of [
    [{ every: "15m", group: "nobody" }, /no agent group "nobody"/],
    [{ every: "15m", chat: "main" }, /not in the chat terminal:main/],
    [{ every: "15m", prompt: "  " }, /prompt is empty/],
    [{ every: "15m", timeZone: "Mars/Olympus" }, /no time zone/],
    [{ every: "5s" }, /too short/],
    [{}, /exactly one schedule/],
  ] as const) {
    await assert.rejects(
      g.add(wanted),
      (error: Error) => reason.test(error.message) && "hint" in error && error.hint !== "",
    );
  }
  const { effects, context } = g;
  await assert.rejects(async () => effects["tasks.run"]({ task: "t-0" }, context), /no task "t-0"/);
  const args = { group: "main", name: "n", every: "15m" };
  assert.equal(verbs["tasks.add"].args.safeParse({ ...args, prompt: "x".repeat(20_001) }).success, false);
  assert.equal(verbs["tasks.add"].args.safeParse({ ...args, prompt: "x", name: " " }).success, false);
});

test("the two hundredth task is the last, and tasks that are done don't count", async () => {
  const g = given();
  for (let i = 0; i < 200; i++) await g.add({ every: "1d" });
  await assert.rejects(g.add({ every: "1d" }), /has 200 tasks/);
  const [first] = g.tasks.list(1);
  g.tasks.update(first?.id ?? "", { state: "done", nextAt: null, failures: 0, note: "" });
  await g.add({ every: "1d" });
  assert.equal(g.tasks.countOpen(AGENT), 200);
});

test("a task whose only time has passed is not resumed, and one that is done is not paused", async () => {
  const g = given();
  const { task } = await g.add({ at: "1970-01-02 00:00" });
  const { effects, context } = g;
  await effects["tasks.pause"]({ task }, context);
  g.clock.advance(3 * 86_400_000);
  await assert.rejects(async () => effects["tasks.resume"]({ task }, context), /has passed/);
  g.tasks.update(task, { state: "done", nextAt: null, failures: 0, note: "" });
  await assert.rejects(async () => effects["tasks.pause"]({ task }, context), /is done/);
});
