/** What is asked of the database for every message, every timer and every start must not read through its whole history. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Tasks } from "../../parts/tasks/tasks.ts";
import { SESSION, world } from "../../test/support/world.ts";
import type { Database, Value } from "../lib/sqlite.ts";

const HISTORY =
  "inbox|inbound_events|outbox|turns|turn_tools|sessions|terminal_messages|task_runs|audit|agent_calls|[a-z]";
/** Only those that hold what is unfinished, or the last row of a table. */
const SHORT =
  /USING (COVERING )?INDEX (inbox_unfinished|inbox_untold|turns_running|outbox_open|outbox_given_up|task_runs_running)/;

/** The plans of the statements that `ask` runs. */
function plansOf(db: Database, ask: () => unknown): string[] {
  const statements = new Set<string>();
  const { all, get, run } = db;
  const noting = (sql: string) => {
    statements.add(sql);
    return sql;
  };
  db.all = (sql: string, ...values: Value[]) => all.call(db, noting(sql), ...values) as never[];
  db.get = (sql: string, ...values: Value[]) => get.call(db, noting(sql), ...values) as never;
  db.run = (sql: string, ...values: Value[]) => run.call(db, noting(sql), ...values);
  try {
    ask();
  } finally {
    Object.assign(db, { all, get, run });
  }
  return [...statements].flatMap((sql) =>
    db.all<{ detail: string }>(`EXPLAIN QUERY PLAN ${sql}`).map(({ detail }) => detail),
  );
}

test("no question that is asked often reads through all that ever was", () => {
  const { store, clock } = world();
  const { inbox, outbox, turns, sessions } = store;
  const tasks = new Tasks(store.db);
  const now = clock.now();
  const often: Record<string, () => unknown> = {
    "what may be sent": () => outbox.heads(now),
    "how much waits": () => [outbox.counts(), inbox.countUnfinished()],
    "what was left in the middle": () => sessions.unsettled(),
    "who waits and was not told": () => [inbox.untold(now), inbox.oldestUntold()],
    "what a session has to do": () => [inbox.unfinished(SESSION), inbox.hasWork(SESSION), inbox.tell(SESSION)],
    "what became of the agent's messages": () => outbox.outcomes(SESSION, 2),
    "what is told with a message": () => outbox.tellOutcomes(SESSION, 2),
    "a message by its number": () => [outbox.byNumber(SESSION, 3), inbox.platformIdOf(SESSION, 2)],
    "the draft of a session": () => outbox.openDraft(SESSION),
    "the turns of a session": () => [
      turns.running(SESSION),
      turns.lastInterrupted(SESSION),
      turns.tools(SESSION, 1, 9),
    ],
    "the ends of rows": () => [inbox.finish(SESSION, [2], 1, "done"), inbox.endAll(SESSION, "failed")],
    "what tasks are due": () => [tasks.due(now, 9), tasks.nextDue(), tasks.ended(), tasks.isRunning("t")],
  };
  for (const [what, ask] of Object.entries(often)) {
    for (const plan of plansOf(store.db, ask)) {
      assert.ok(!new RegExp(`^SCAN (${HISTORY})( |$)`).test(plan) || SHORT.test(plan), `${what}: ${plan}`);
    }
  }
});
