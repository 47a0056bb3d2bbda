/**
 * Scheduled tasks and their runs. A task with an open run is never due, so a task can't overlap itself; each time that
 * was due has at most one run, for ever.
 */
import { z } from "zod";
import type { Schedule } from "../../packages/calendar/timetable.ts";
import type { Place } from "../../src/inbound/router.ts";
import type { AgentGroupId, SessionId } from "../../src/lib/ids.ts";
import type { Database } from "../../src/lib/sqlite.ts";
import type { Address } from "../../src/store/address.ts";

const schedule: z.ZodType<Schedule> = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("cron"), pattern: z.string() }),
  z.object({ kind: z.literal("every"), ms: z.int().min(1), anchor: z.int() }),
  z.object({ kind: z.literal("once"), at: z.int() }),
]);

/** What becomes of times that passed while the host was down or the last run still ran. */
export type MissedPolicy = "skip" | "latest" | "all";

/** The part of a task that changes by itself. */
export interface Standing {
  state: "active" | "paused" | "done";
  /** Null when nothing comes any more, or not before somebody resumes it. */
  nextAt: number | null;
  /** Failed runs in a row. */
  failures: number;
  /** Why it stands so, for people. */
  note: string;
}

export interface Task extends Standing {
  id: string;
  agentGroup: AgentGroupId;
  /** Where its answers go. */
  address: Address;
  /** A new conversation for each run, or the one of the chat. */
  session: "own" | "chat";
  name: string;
  prompt: string;
  /** Runs before the agent is asked, and decides whether it is. */
  script: string | null;
  schedule: Schedule;
  timeZone: string;
  missed: MissedPolicy;
  createdAt: number;
}

export interface TaskRun {
  dueAt: number;
  state: "running" | "done" | "failed" | "skipped";
  startedAt: number | null;
  endedAt: number | null;
  note: string;
}

/** A run whose row in the inbox has its end. */
export interface EndedRun {
  taskId: string;
  dueAt: number;
  session: SessionId;
  ok: boolean;
  error: string | null;
}

/** Runs that are kept of each task, and finished tasks of each agent group. */
const MOST_RUNS = 100;
const MOST_DONE = 100;

const COLUMNS = `id, agent_group_id AS agentGroup, channel, chat, thread, session_mode AS session, name, prompt, script, schedule,
  time_zone AS timeZone, missed, state, next_at AS nextAt, failures, note, created_at AS createdAt`;
const IDLE = "NOT EXISTS (SELECT 1 FROM task_runs r WHERE r.task_id = scheduled_tasks.id AND r.state = 'running')";

type StoredTask = Omit<Task, "address" | "schedule"> & Address & { schedule: string };

export class Tasks {
  readonly #db: Database;
  /** Called after each commit that may change what is due next. */
  #changed: () => void = () => {};
  constructor(db: Database) {
    this.#db = db;
  }

  /** One listener: the scheduler. */
  onChange(changed: () => void): void {
    this.#changed = changed;
  }

  add(task: Task): void {
    const { channel, chat, thread } = task.address;
    this.#db.run(
      `INSERT INTO scheduled_tasks (id, agent_group_id, channel, chat, thread, session_mode, name, prompt, script,
         schedule, time_zone, missed, state, next_at, failures, note, created_at)
       VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)`,
      ...[task.id, task.agentGroup, channel, chat, thread, task.session, task.name, task.prompt, task.script],
      ...[JSON.stringify(task.schedule), task.timeZone, task.missed],
      ...[task.state, task.nextAt, task.failures, task.note, task.createdAt],
    );
    this.#db.run(
      `DELETE FROM scheduled_tasks WHERE state='done' AND agent_group_id=?1 AND id NOT IN
         (SELECT id FROM scheduled_tasks WHERE state='done' AND agent_group_id=?1 ORDER BY created_at DESC LIMIT ?2)`,
      ...[task.agentGroup, MOST_DONE],
    );
    this.#db.afterCommit(() => this.#changed());
  }

  update(id: string, { state, nextAt, failures, note }: Standing): void {
    this.#db.run(
      "UPDATE scheduled_tasks SET state=?, next_at=?, failures=?, note=? WHERE id=?",
      ...[state, nextAt, failures, note.slice(0, 500), id],
    );
    this.#db.afterCommit(() => this.#changed());
  }

  /** With its runs. */
  remove(id: string): void {
    this.#db.run("DELETE FROM scheduled_tasks WHERE id=?", id);
    this.#db.afterCommit(() => this.#changed());
  }

  task(id: string): Task | undefined {
    const row = this.#db.get<StoredTask>(`SELECT ${COLUMNS} FROM scheduled_tasks WHERE id=?`, id);
    return row && parse(row);
  }

  /** In the order in which they are due, those with nothing to come last; of one agent group or of all. */
  list(limit: number, agentGroup: string | null = null): Task[] {
    const sql = `SELECT ${COLUMNS} FROM scheduled_tasks WHERE agent_group_id = coalesce(?, agent_group_id)
      ORDER BY next_at IS NULL, next_at, created_at LIMIT ?`;
    return this.#db.all<StoredTask>(sql, agentGroup, limit).map(parse);
  }

  active(): Task[] {
    return this.#db.all<StoredTask>(`SELECT ${COLUMNS} FROM scheduled_tasks WHERE state='active'`).map(parse);
  }

  /** Tasks of an agent group that are not done. */
  countOpen(agentGroup: AgentGroupId): number {
    const sql = "SELECT count(*) AS count FROM scheduled_tasks WHERE agent_group_id=? AND state<>'done'";
    return this.#db.get<{ count: number }>(sql, agentGroup)?.count ?? 0;
  }

  /** Tasks that are due and not running, the longest due first. */
  due(now: number, limit: number): Task[] {
    const sql = `SELECT ${COLUMNS} FROM scheduled_tasks WHERE state='active' AND next_at<=? AND ${IDLE} ORDER BY next_at LIMIT ?`;
    return this.#db.all<StoredTask>(sql, now, limit).map(parse);
  }

  /** When the next task that does not run is due. */
  nextDue(): number | null {
    const sql = `SELECT next_at AS at FROM scheduled_tasks WHERE state='active' AND next_at>0 AND ${IDLE} ORDER BY next_at LIMIT 1`;
    return this.#db.get<{ at: number }>(sql)?.at ?? null;
  }

  isRunning(id: string): boolean {
    return this.#db.get("SELECT 1 FROM task_runs WHERE task_id=? AND state='running'", id) !== undefined;
  }

  begin(task: string, dueAt: number, { session, number }: Place, now: number): void {
    this.#db.run(
      "INSERT INTO task_runs (task_id, due_at, state, session_id, number, started_at) VALUES (?,?,'running',?,?,?)",
      ...[task, dueAt, session, number, now],
    );
    this.#prune(task);
  }

  /** Records a time at which nothing was started; one that has a run keeps it. */
  recordMiss(task: string, dueAt: number, state: "skipped" | "failed", note: string, now: number): void {
    this.#db.run(
      "INSERT INTO task_runs (task_id, due_at, state, ended_at, note) VALUES (?,?,?,?,?) ON CONFLICT DO NOTHING",
      ...[task, dueAt, state, now, note.slice(0, 500)],
    );
    this.#prune(task);
  }

  end(task: string, dueAt: number, state: "done" | "failed", note: string, now: number): void {
    this.#db.run(
      `UPDATE task_runs SET state=?, note=?, ended_at=?, session_id=NULL, number=NULL
       WHERE task_id=? AND due_at=? AND state='running'`,
      ...[state, note.slice(0, 500), now, task, dueAt],
    );
    this.#db.afterCommit(() => this.#changed());
  }

  /** Open runs whose row in the inbox has come to its end. */
  ended(): EndedRun[] {
    return this.#db
      .all<Omit<EndedRun, "ok"> & { state: string }>(
        `SELECT r.task_id AS taskId, r.due_at AS dueAt, r.session_id AS session, i.state, t.error
         FROM task_runs r JOIN inbox i ON i.session_id = r.session_id AND i.number = r.number
         LEFT JOIN turns t ON t.session_id = i.session_id AND t.number = i.turn
         WHERE r.state='running' AND i.state IN ('done','failed') ORDER BY r.due_at`,
      )
      .map(({ state, ...run }) => ({ ...run, ok: state === "done" }));
  }

  /** The latest first. */
  runs(task: string, limit: number): TaskRun[] {
    return this.#db.all(
      `SELECT due_at AS dueAt, state, started_at AS startedAt, ended_at AS endedAt, note FROM task_runs
       WHERE task_id=? ORDER BY id DESC LIMIT ?`,
      ...[task, limit],
    );
  }

  #prune(task: string): void {
    this.#db.run(
      `DELETE FROM task_runs WHERE task_id=?1 AND state<>'running' AND id <=
         (SELECT id FROM task_runs WHERE task_id=?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)`,
      ...[task, MOST_RUNS],
    );
  }
}

function parse({ channel, chat, thread, ...row }: StoredTask): Task {
  return { ...row, address: { channel, chat, thread }, schedule: schedule.parse(JSON.parse(row.schedule)) };
}
