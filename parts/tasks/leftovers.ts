/**
 * Clears away the conversations of runs that had one of their own: nobody will speak in them again. What a container has
 * written is removed by a container; this process never walks it. What can't be cleared now is kept for the next look.
 */
import { lstatSync, mkdirSync, rmdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Clock, Timer } from "../../src/lib/clock.ts";
import { messageOf, Retryable } from "../../src/lib/errors.ts";
import type { SessionId } from "../../src/lib/ids.ts";
import type { Log } from "../../src/lib/log.ts";
import { runErrand } from "../../src/sandbox/errand.ts";
import type { Sandbox } from "../../src/sandbox/sandbox.ts";
import { sessionFolder } from "../../src/sessions/folder.ts";
import type { ActorParts } from "../../src/sessions/session-actor.ts";
import type { Session } from "../../src/store/sessions.ts";
import type { Store } from "../../src/store/store.ts";

/** Until what could not be cleared is looked at again, milliseconds: longer each time. */
const FIRST_PAUSE = 2_000;
const LAST_PAUSE = 10 * 60_000;
/** A million files take less; what has not ended then goes on with the next look. */
const CLEAR_LIMIT = 10 * 60_000;

export interface LeftoverParts
  extends Pick<ActorParts, "driver" | "labels" | "specOf" | "sessionsDir" | "groupsDir" | "runDir"> {
  store: Store;
  clock: Clock;
  log: Log;
  /** Resolves when the session has no container, and what that left is taken. */
  dismiss(session: SessionId): Promise<void>;
}

export class Leftovers {
  readonly #parts: LeftoverParts;
  #running = false;
  #looking: Promise<void> = Promise.resolve();
  #timer: Timer | null = null;
  #pause = FIRST_PAUSE;
  /** The container that clears something away now. */
  #clearing: Sandbox | null = null;

  constructor(parts: LeftoverParts) {
    this.#parts = parts;
  }

  /** The session's run has its end; part of the open transaction. */
  add(session: SessionId): void {
    const { db } = this.#parts.store;
    db.run("INSERT OR IGNORE INTO task_leftovers (session_id) VALUES (?)", session);
    db.afterCommit(() => {
      this.#pause = FIRST_PAUSE;
      this.#look();
    });
  }

  start(): void {
    this.#running = true;
    this.#look();
  }

  /** Resolves when no container clears anything away any more: the next start goes on with it. */
  async stop(): Promise<void> {
    this.#running = false;
    this.#timer?.cancel();
    await this.#clearing?.stop(0).catch(() => {});
  }

  #began(sandbox: Sandbox): void {
    this.#clearing = sandbox;
    void sandbox.exited.then(() => {
      if (this.#clearing === sandbox) this.#clearing = null;
    });
    if (!this.#running) void sandbox.stop(0).catch(() => {});
  }

  /** One after the other: it is never urgent. */
  #look(): void {
    if (!this.#running) return;
    this.#timer?.cancel();
    this.#looking = this.#looking.then(async () => {
      for (const id of this.#all()) if (this.#running) await this.#clear(id);
      this.#timer?.cancel();
      if (!this.#running || this.#all().length === 0) return;
      this.#timer = this.#parts.clock.after(this.#pause, () => this.#look());
      this.#pause = Math.min(2 * this.#pause, LAST_PAUSE);
    });
  }

  #all(): SessionId[] {
    const sql = "SELECT session_id AS id FROM task_leftovers";
    return this.#parts.store.db.all<{ id: SessionId }>(sql).map(({ id }) => id);
  }

  async #clear(id: SessionId): Promise<void> {
    const { store, log, dismiss } = this.#parts;
    try {
      await dismiss(id);
      // Its files stay until they are delivered.
      if (store.outbox.hasOpen(id)) return;
      const session = store.sessions.session(id);
      if (session) await this.#remove(session);
      this.#forget(id);
    } catch (error) {
      log.warn(
        { session: id, error: messageOf(error) },
        "what a run left could not be cleared away; it is tried again",
      );
    }
  }

  #forget(id: SessionId): void {
    const { store, log } = this.#parts;
    try {
      store.sessions.forget(id);
    } catch (error) {
      if (error instanceof Retryable) throw error;
      log.debug({ session: id, error: messageOf(error) }, "something points at a session: its row stays");
    }
    store.db.run("DELETE FROM task_leftovers WHERE session_id=?", id);
  }

  async #remove(session: Session): Promise<void> {
    const { store, clock, driver, labels, specOf, sessionsDir, groupsDir, runDir } = this.#parts;
    const folder = sessionFolder(sessionsDir, session);
    const socketDir = join(runDir, session.id);
    const group = store.groups.agentGroup(session.agentGroup);
    for (const { sandbox } of await driver.survivors({ ...labels, "nanoclaw.session": session.id })) {
      await sandbox.stop(0);
    }
    const written = lstatSync(folder.providerDir, { throwIfNoEntry: false });
    if (group && written) {
      mkdirSync(socketDir, { recursive: true });
      const groupFolder = join(groupsDir, group.folder);
      const plan = { session, group, folder, groupFolder, socketDir, timeZone: store.users.timeZone() };
      const spec = specOf({ ...plan, errand: "clearing" });
      const { code, stderr } = await runErrand(driver, clock, spec, CLEAR_LIMIT, (sandbox) => this.#began(sandbox));
      if (code !== 0) throw new Error(`the container that clears it ended with code ${code}: ${stderr}`);
    }
    // From here on there is only what this process has made.
    if (written) rmdirSync(folder.providerDir);
    for (const dir of [folder.root, socketDir]) rmSync(dir, { recursive: true, force: true });
  }
}
