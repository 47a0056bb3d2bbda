import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { nextRun } from "../../packages/calendar/timetable.ts";
import { Audit } from "../../src/audit/audit.ts";
import { Router } from "../../src/inbound/router.ts";
import type { Clock } from "../../src/lib/clock.ts";
import { Misuse, Retryable } from "../../src/lib/errors.ts";
import type { SessionId } from "../../src/lib/ids.ts";
import { silentLog } from "../../src/lib/log.ts";
import { openStore, type Store } from "../../src/store/store.ts";
import { AGENT, countingRandom, noCommands, noGuard, SettableClock, world } from "../../test/support/world.ts";
import { approvalsPart } from "../approvals/index.ts";
import { Scheduler } from "./scheduler.ts";
import { type Task, Tasks } from "./tasks.ts";
import { taskVoice } from "./voice.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A clock whose wall time can be set while its timers go on, as when somebody sets the machine's or it slept. */
const NOON = Date.parse("2026-06-01T12:00Z");

/** The host's parts around a scheduler, on `store`; a second call with the same is a restarted host. */
function host(store: Store, clock: Clock) {
  const audit = new Audit(store.db, clock);
  const woken: SessionId[] = [];
  const dismissed: SessionId[] = [];
  const router = new Router({
    ...{ store, audit, clock },
    approvals: approvalsPart({ store, audit, clock, log: silentLog, edits: () => false }).approvals,
    hold: () => ({ status: "refused", why: "nobody is held here" }),
    pair: () => false,
    random: countingRandom(),
    ...{ guard: noGuard, commands: noCommands },
    wake: (id) => woken.push(id),
  });
  const scheduler = new Scheduler({
    ...{ store, audit, clock, log: silentLog },
    tell: taskVoice(store, router),
    leave: (id) => dismissed.push(id),
  });
  return { scheduler, tasks: scheduler.tasks, woken, dismissed };
}

function given(change: Partial<Task> = {}, now = NOON) {
  const clock = new SettableClock(now);
  const w = world();
  const { store } = w;
  const schedule = change.schedule ?? { kind: "every", ms: HOUR, anchor: now };
  const timeZone = change.timeZone ?? "UTC";
  const first = host(store, clock);
  first.tasks.add({
    ...{
      id: "t-1",
      agentGroup: AGENT,
      session: "chat",
      name: "look",
      prompt: "look around",
      script: null,
      missed: "latest",
    },
    ...{ state: "active", failures: 0, note: "", createdAt: now, schedule, timeZone },
    nextAt: nextRun(schedule, now, timeZone),
    address: { channel: "test", chat: "room", thread: null },
    ...change,
  });
  first.scheduler.start();
  return { ...w, ...first, clock, ...views(store), end: (ok: boolean) => endAll(store, clock, ok) };
}

function views(store: Store) {
  const tasks = new Tasks(store.db);
  return {
    task: () => tasks.task("t-1") as Task,
    runs: () => tasks.runs("t-1", 100).reverse(),
    states: () =>
      tasks
        .runs("t-1", 100)
        .map(({ state }) => state)
        .reverse(),
    /** What an agent heard, over all sessions. */
    heard: () => store.db.all<{ text: string }>("SELECT text FROM inbound_events ORDER BY id").map(({ text }) => text),
  };
}

/** Every session with something to do does it in one turn. */
function endAll(store: Store, clock: { now(): number; advance(ms: number): void }, ok: boolean): void {
  for (const session of store.sessions.unsettled()) {
    store.db.transaction(() => {
      const numbers = store.inbox.unfinished(session).map(({ number }) => number);
      const turn = Math.max(...numbers) + 1;
      store.turns.start(session, turn, clock.now());
      store.inbox.intoTurn(session, numbers, turn);
      store.turns.end(session, turn, ok ? "done" : "error", clock.now(), ok ? null : "overload: too much", null);
      store.inbox.finish(session, numbers, turn, ok ? "done" : "failed");
    });
  }
  clock.advance(1);
}

test("a task runs at its time, tells the agent what and why, and has its outcome in the history", () => {
  const g = given();
  g.clock.advance(HOUR - 1);
  assert.deepEqual(g.heard(), []);
  g.clock.advance(1);
  assert.deepEqual(g.woken, [g.session.id]);
  assert.match(g.heard()[0] ?? "", /"look" runs\. It was due at 2026-06-01 13:00 \(UTC\)\.\n\nlook around$/);
  assert.deepEqual(g.states(), ["running"]);
  g.end(true);
  assert.deepEqual(g.states(), ["done"]);
  assert.equal(g.task().nextAt, NOON + 2 * HOUR);
  g.clock.advance(HOUR);
  assert.equal(g.heard().length, 2);
});

test("a run in a session of its own gets a new one each time, which is let go of when it has ended", () => {
  const g = given({ session: "own" });
  for (let i = 0; i < 2; i++) {
    g.clock.advance(HOUR);
    g.end(true);
  }
  assert.equal(new Set(g.woken).size, 2);
  assert.ok(!g.woken.includes(g.session.id));
  assert.deepEqual(g.dismissed, g.woken);
  const session = g.store.sessions.session(g.woken[0] as SessionId);
  assert.deepEqual([session?.channel, session?.chat], ["test", "room"]);
});

test("no run begins while the last one is on, and what passed meanwhile goes by the policy", () => {
  for (const [missed, heard] of [
    ["skip", ["13:00", "17:00"]],
    ["latest", ["13:00", "16:00", "17:00"]],
    ["all", ["13:00", "14:00", "15:00", "16:00", "17:00"]],
  ] as const) {
    const g = given({ missed });
    g.clock.advance(4 * HOUR + 10 * MINUTE);
    assert.equal(g.heard().length, 1, missed);
    for (let i = 0; i < 5; i++) g.end(true);
    g.clock.advance(50 * MINUTE);
    assert.deepEqual(
      g.heard().map((text) => /\d\d:\d\d/.exec(text)?.[0]),
      heard,
      missed,
    );
    assert.equal(g.states().includes("skipped"), missed !== "all", missed);
  }
});

test("what was missed while the host was down goes by the policy, and its cost and history are bounded", () => {
  for (const [missed, count] of [
    ["skip", 0],
    ["latest", 1],
    ["all", 20],
  ] as const) {
    const g = given({ missed });
    g.scheduler.stop();
    g.clock.advance(60 * DAY + 30 * MINUTE);
    host(g.store, g.clock).scheduler.start();
    for (let i = 0; i < 30; i++) g.end(true);
    assert.equal(g.heard().length, count, missed);
    assert.equal(g.states().filter((state) => state === "skipped").length, 1, missed);
    assert.match(g.runs().find(({ state }) => state === "skipped")?.note ?? "", /as were others/);
    assert.equal(g.task().nextAt, NOON + 60 * DAY + HOUR);
  }
});

test("a single time that was missed is made up for, or given up with a notice", () => {
  const schedule = { kind: "once", at: NOON + HOUR } as const;
  for (const missed of ["latest", "skip"] as const) {
    const g = given({ schedule, missed });
    g.scheduler.stop();
    g.clock.advance(DAY);
    host(g.store, g.clock).scheduler.start();
    assert.equal(g.heard().length, missed === "latest" ? 1 : 0);
    if (missed === "latest") assert.match(g.heard()[0] ?? "", /13:00 \(UTC\)\. It could not run then\./);
    else assert.match(g.outbox()[0] ?? "", /system: I skipped the scheduled task "look": its time, 2026-06-01 13:00/);
    g.end(true);
    assert.equal(g.task().state, "done");
  }
});

test("a machine that slept, or whose clock was set ahead, runs what is due within a minute", () => {
  const g = given({ missed: "latest" });
  g.clock.advance(5 * MINUTE);
  g.clock.jump(3 * HOUR);
  g.clock.advance(MINUTE);
  assert.equal(g.heard().length, 1);
  assert.match(g.heard()[0] ?? "", /15:00/);
});

test("a clock that is set back repeats no run, and keeps no task waiting for the time that it came from", () => {
  const g = given();
  g.clock.advance(HOUR);
  g.end(true);
  g.clock.jump(365 * DAY);
  g.clock.advance(MINUTE);
  g.end(true);
  assert.equal(g.heard().length, 2);
  g.clock.jump(-365 * DAY - 30 * MINUTE);
  g.clock.advance(MINUTE);
  assert.equal(g.task().nextAt, NOON + HOUR, "due again by the schedule");
  g.clock.advance(30 * MINUTE);
  assert.equal(g.heard().length, 2, "but that time had its run");
  g.clock.advance(HOUR);
  assert.equal(g.heard().length, 3);
});

test("over a change of clocks a daily task runs once a day", () => {
  for (const [from, moments] of [
    ["2026-03-27T12:00Z", ["2026-03-28T01:30", "2026-03-29T01:00", "2026-03-30T00:30"]],
    ["2026-10-23T12:00Z", ["2026-10-24T00:30", "2026-10-25T00:30", "2026-10-26T01:30"]],
  ] as const) {
    const schedule = { kind: "cron", pattern: "30 2 * * *" } as const;
    const g = given({ schedule, timeZone: "Europe/Berlin" }, Date.parse(from));
    for (let minute = 0; minute < (3 * DAY) / MINUTE; minute++) {
      g.clock.advance(MINUTE);
      if (g.states().at(-1) === "running") g.end(true);
    }
    assert.deepEqual(
      g.runs().map(({ dueAt }) => new Date(dueAt).toISOString().slice(0, 16)),
      moments,
    );
    assert.equal(g.heard().length, 3);
  }
});

test("failures slow a task down, and the fifth in a row pauses it with a notice", () => {
  const g = given({ schedule: { kind: "every", ms: 10_000, anchor: NOON } });
  const waits: number[] = [];
  for (let run = 0; run < 5; run++) {
    const before = g.clock.now();
    while (g.states().at(-1) !== "running") g.clock.advance(10_000);
    waits.push(Math.round((g.clock.now() - before) / 10_000));
    g.end(false);
  }
  // One minute, two, four, eight: each until the schedule's next time after it.
  assert.deepEqual(waits, [1, 6, 13, 25, 49]);
  assert.equal(g.task().state, "paused");
  assert.match(g.task().note, /overload/);
  assert.match(
    g.outbox()[0] ?? "",
    /system: I paused .*"look".*5 times in a row \(last: overload: too much\).*resume t-1/,
  );
  g.clock.advance(DAY);
  assert.equal(g.heard().length, 5);
});

test("a single time that failed is tried again after a rest, and a success makes it done", () => {
  const g = given({ schedule: { kind: "once", at: NOON + HOUR } });
  g.clock.advance(HOUR);
  g.end(false);
  g.clock.advance(MINUTE);
  assert.equal(g.heard().length, 2);
  g.end(true);
  assert.deepEqual([g.task().state, g.task().failures], ["done", 0]);
});

test("a single time that failed is tried again also where the clock was set back before it", () => {
  const g = given({ schedule: { kind: "once", at: NOON + HOUR } });
  g.clock.advance(HOUR);
  g.clock.jump(-2 * HOUR);
  g.end(false);
  g.clock.advance(2 * HOUR);
  assert.equal(g.heard().length, 2);
  g.end(true);
  assert.deepEqual([g.task().state, g.task().failures], ["done", 0]);
});

test("a task whose agent left the chat fails and says so in its history; it does not hold up the others", () => {
  const g = given();
  g.tasks.add({ ...g.task(), id: "t-2", nextAt: NOON + HOUR + 1 });
  g.store.db.exec("UPDATE scheduled_tasks SET chat='elsewhere' WHERE id='t-1'");
  g.clock.advance(HOUR + 1);
  assert.deepEqual(g.states(), ["failed"]);
  assert.match(g.runs()[0]?.note ?? "", /not in the chat test:elsewhere/);
  assert.equal(g.heard().length, 1, "the other one");
});

test("a run by hand is beside the schedule, works on a paused task, and is refused while one is on", () => {
  const g = given();
  g.scheduler.runNow(g.task());
  assert.throws(() => g.scheduler.runNow(g.task()), Misuse);
  g.end(true);
  assert.equal(g.task().nextAt, NOON + HOUR);
  g.tasks.update("t-1", { ...g.task(), state: "paused", nextAt: null });
  g.scheduler.runNow(g.task());
  g.end(true);
  assert.deepEqual([g.task().state, g.heard().length], ["paused", 2]);
});

test("a task that is added, changed or removed is heard at once, and with none there is no timer", () => {
  const g = given();
  const added = { ...g.task(), id: "t-2", nextAt: NOON + 5000 };
  g.tasks.add(added);
  g.clock.advance(5000);
  assert.equal(g.heard().length, 1);
  g.tasks.remove("t-1");
  g.tasks.remove("t-2");
  g.clock.advance(0);
  let looked = 0;
  g.tasks.due = () => {
    looked += 1;
    return [];
  };
  g.clock.advance(DAY);
  assert.equal(looked, 0);
});

test("history is kept of the latest hundred runs", () => {
  const g = given();
  for (let i = 0; i < 130; i++) {
    g.clock.advance(HOUR);
    g.end(true);
  }
  assert.equal(g.tasks.runs("t-1", 1000).length, 100);
  assert.equal(g.heard().length, 130);
});

/** The database as a killed host leaves it: what was committed, in a file that another host opens. */
function reopened(t: TestContext, store: Store): Store {
  const dir = mkdtempSync(join(tmpdir(), "nc-tasks-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const file = join(dir, "v2.db");
  store.db.exec(`VACUUM INTO '${file}'`);
  return openStore(file);
}

test("a host that is killed before the claim runs the task after its start, one that is killed after it does not again", (t) => {
  const g = given();
  g.clock.advance(HOUR - 1);
  const before = reopened(t, g.store);
  g.clock.advance(1);
  const after = reopened(t, g.store);
  for (const store of [before, after]) {
    const clock = new SettableClock(NOON + HOUR + MINUTE);
    host(store, clock).scheduler.start();
    const { heard, states, task } = views(store);
    assert.equal(heard().length, 1);
    assert.deepEqual(states(), ["running"]);
    host(store, clock).scheduler.start();
    endAll(store, clock, true);
    assert.deepEqual([heard().length, states(), task().nextAt], [1, ["done"], NOON + 2 * HOUR]);
    store.db.close();
  }
});

test("a run whose end was recorded when the host was killed has that end after the next start", (t) => {
  const g = given();
  g.clock.advance(HOUR);
  g.scheduler.stop();
  g.end(false);
  const store = reopened(t, g.store);
  host(store, new SettableClock(NOON + HOUR + 1)).scheduler.start();
  assert.deepEqual(views(store).states(), ["failed"]);
  assert.equal(views(store).task().failures, 1);
  store.db.close();
});

test("a claim that can't be committed leaves nothing behind and is tried again", () => {
  const g = given();
  const begin = g.tasks.begin.bind(g.tasks);
  g.tasks.begin = () => {
    g.tasks.begin = begin;
    throw new Retryable("the disk is full");
  };
  g.clock.advance(HOUR);
  assert.deepEqual([g.heard(), g.woken, g.states()], [[], [], []]);
  g.clock.advance(10_000);
  assert.deepEqual([g.heard().length, g.woken.length, g.states()], [1, 1, ["running"]]);
});
