/**
 * Starts scheduled tasks when they are due. A run is claimed and its prompt put into an inbox in one transaction, so it
 * is started once or not at all; what became of it is read from that inbox row. One timer, set to what is due next.
 */

import { localTime } from "../../packages/calendar/parse.ts";
import { missedRuns, type Timetable, timetable } from "../../packages/calendar/timetable.ts";
import type { Audit } from "../../src/audit/audit.ts";
import type { Place } from "../../src/inbound/router.ts";
import type { Clock, Timer } from "../../src/lib/clock.ts";
import { Misuse, messageOf, Retryable } from "../../src/lib/errors.ts";
import type { SessionId } from "../../src/lib/ids.ts";
import type { Log } from "../../src/lib/log.ts";
import type { Store } from "../../src/store/store.ts";
import { afterFailure, afterSuccess, choose, MOST_FAILURES, realigned } from "./fate.ts";
import { type EndedRun, type Task, Tasks } from "./tasks.ts";

/** The longest sleep: after it the wall clock is looked at again, so that a jump or a suspended machine is noticed. */
const LONGEST_SLEEP = 60_000;
/** Missed times that "all" makes up for. */
const MOST_MISSED = 20;
/** Tasks that are started in one go; then others get their turn. */
const BATCH = 50;
/** Pause after the database could not be written. */
const AFTER_TROUBLE = 10_000;

export interface SchedulerParts {
  store: Store;
  audit: Audit;
  clock: Clock;
  log: Log;
  /**
   * Puts a task's prompt into the inbox that hears it, as part of the open transaction. Null when that key was said
   * before. @throws Misuse where nobody hears it any more
   */
  tell(task: Task, text: string, key: string): Place | null;
  /** A session that nobody will speak to again has ended its work; part of the open transaction. */
  leave(session: SessionId): void;
}

export class Scheduler {
  readonly tasks: Tasks;
  readonly #parts: SchedulerParts;
  #timer: Timer | null = null;
  #running = false;
  /** When it last looked, by the wall clock: time before that means that the clock was set back. */
  #lookedAt = Number.POSITIVE_INFINITY;

  constructor(parts: SchedulerParts) {
    this.#parts = parts;
    // Off the way of the answer whose commit this is.
    this.tasks = new Tasks(parts.store.db);
    this.tasks.onChange(() => this.#lookIn(0));
    parts.store.inbox.onEnd(() => this.#lookIn(0));
  }

  /** Takes over what an earlier process left, then runs what is due. */
  start(): void {
    this.#running = true;
    this.#look();
  }

  stop(): void {
    this.#running = false;
    this.#timer?.cancel();
  }

  /** Runs a task now, whatever its schedule says. @throws Misuse while it runs, or where nobody hears it */
  runNow(task: Task): void {
    const { store, clock } = this.#parts;
    const now = clock.now();
    store.db.transaction(() => {
      if (!this.tasks.isRunning(task.id) && this.#begin(task, now, `Somebody asked for it now.`, now)) return;
      throw new Misuse(`the task "${task.name}" runs at this moment`, "`ncl tasks show` tells when it has ended.");
    });
  }

  #lookIn(ms: number): void {
    if (!this.#running) return;
    this.#timer?.cancel();
    this.#timer = this.#parts.clock.after(ms, () => this.#look());
  }

  #look(): void {
    const { clock, log } = this.#parts;
    const now = clock.now();
    try {
      for (const run of this.tasks.ended()) this.#settle(run, now);
      if (now < this.#lookedAt) this.#realign(now);
      this.#lookedAt = now;
      for (const task of this.tasks.due(now, BATCH)) this.#startOrFail(task, now);
      const nextAt = this.tasks.nextDue();
      if (nextAt === null) this.#timer?.cancel();
      else this.#lookIn(Math.min(Math.max(nextAt - clock.now(), 0), LONGEST_SLEEP));
    } catch (error) {
      log.error({ error: messageOf(error) }, "scheduled tasks could not be looked after");
      this.#lookIn(AFTER_TROUBLE);
    }
  }

  #startOrFail(task: Task, now: number): void {
    const { store, log } = this.#parts;
    try {
      store.db.transaction(() => this.#takeUp(task, now));
    } catch (error) {
      if (error instanceof Retryable) throw error;
      log.warn({ task: task.id, error: messageOf(error) }, "scheduled task could not be started");
      store.db.transaction(() => {
        this.tasks.recordMiss(task.id, task.nextAt ?? now, "failed", messageOf(error), now);
        this.#fail({ ...task, nextAt: tableOf(task)(now) }, messageOf(error), null, now);
      });
    }
  }

  /** In a transaction: decides about every time of the task that has passed, and starts at most one run. */
  #takeUp(task: Task, now: number): void {
    const { tasks } = this;
    const next = timetable(task.schedule, task.timeZone);
    const { runs, more } = missedRuns(next, task.nextAt ?? now, now, MOST_MISSED);
    const { run, skipped, later } = choose(task.missed, runs, now);
    // One line of history for all that are given up now: after a long sleep they may be very many.
    const lost = skipped.at(-1) ?? (more ? task.nextAt : null);
    if (lost !== null) {
      const others = skipped.length > 1 || more ? ", as were others" : "";
      tasks.recordMiss(task.id, lost, "skipped", `its time was missed${others}`, now);
    }
    const nextAt = later[0] ?? next(now);
    if (run === null && nextAt === null) {
      const note = `its time, ${localTime(lost ?? now, task.timeZone)}, was missed`;
      tasks.update(task.id, { ...task, state: "done", nextAt, note });
      this.#say(
        task,
        `I skipped the scheduled task "${task.name}": ${note}. \`ncl tasks run ${task.id}\` runs it now.`,
        now,
      );
      return;
    }
    tasks.update(task.id, { ...task, nextAt });
    if (run === null) return;
    const planned = `It was due at ${localTime(run, task.timeZone)} (${task.timeZone}).`;
    const why = now - run > LONGEST_SLEEP ? `${planned} It could not run then.` : planned;
    const begun = this.#begin(task, run, why, now);
    // After the clock was set back a failed one-shot comes to the very time again that it has run for.
    if (!begun && nextAt === null) this.#begin(task, Math.max(now, run + 1), why, now);
  }

  /** @returns false when that very run was begun before */
  #begin(task: Task, due: number, why: string, now: number): boolean {
    const { store, tell, log } = this.#parts;
    const text = `The scheduled task "${task.name}" runs. ${why}\n\n${task.prompt}`;
    const place = tell(task, text, `task:${task.id}:${due}`);
    if (!place) return false;
    this.tasks.begin(task.id, due, place, now);
    store.db.afterCommit(() => log.info({ task: task.id, due, late: now - due, ...place }, "scheduled task started"));
    return true;
  }

  /** The inbox row of a run has its end: so has the run. */
  #settle({ taskId, dueAt, session, ok, error }: EndedRun, now: number): void {
    const { store, leave } = this.#parts;
    const why = error ?? "it was given up before it had an answer";
    store.db.transaction(() => {
      this.tasks.end(taskId, dueAt, ok ? "done" : "failed", ok ? "" : why, now);
      const task = this.tasks.task(taskId);
      if (!task) return;
      if (task.session === "own") leave(session);
      if (ok) this.tasks.update(taskId, afterSuccess(task));
      else this.#fail(task, why, session, now);
    });
  }

  #fail(task: Task, why: string, session: SessionId | null, now: number): void {
    const { audit } = this.#parts;
    const standing = afterFailure(task, tableOf(task), why, now);
    this.tasks.update(task.id, standing);
    if (task.nextAt !== null && (standing.nextAt ?? 0) > task.nextAt) {
      this.tasks.recordMiss(task.id, task.nextAt, "skipped", "it rested after a failure", now);
    }
    if (standing.state !== "paused" || task.state === "paused") return;
    const detail = { failures: standing.failures, why: why.slice(0, 500), session };
    audit.append({ actor: "system", verb: "tasks.pause", resource: `task:${task.id}`, decision: "fact", detail });
    const more = tableOf(task)(now) === null ? "run" : "resume";
    const text = `I paused the scheduled task "${task.name}": it failed ${MOST_FAILURES} times in a row (last: ${why.slice(0, 300)}). When that is mended: \`ncl tasks ${more} ${task.id}\`.`;
    this.#say(task, text, now);
  }

  #realign(now: number): void {
    const { tasks } = this;
    for (const task of tasks.active()) {
      const standing = realigned(task, tableOf(task), now);
      if (standing) tasks.update(task.id, standing);
    }
  }

  #say({ id, address }: Task, text: string, now: number): void {
    const key = `task:${id}:${now}`;
    this.#parts.store.outbox.notify({ address, text, key }, now);
  }
}

/** A table without times where the time zone is one that this machine no longer knows: one task must not stop the others. */
function tableOf(task: Task): Timetable {
  try {
    return timetable(task.schedule, task.timeZone);
  } catch {
    return () => null;
  }
}
