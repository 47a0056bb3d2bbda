/** What is promised to people and what holds the promises up: each by its name, checked while a run goes and at its end. */
import { existsSync, globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { InboundRow, OutboundRow } from "../../protocol/rows.ts";
import { MAX_FILE_BYTES } from "../../protocol/session-socket.ts";
import { Audit } from "../../src/audit/audit.ts";
import type { Acceptance, ChannelEvent } from "../../src/channels/channel.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { messageOf } from "../../src/lib/errors.ts";
import { Database } from "../../src/lib/sqlite.ts";
import type { FedFile } from "../../src/sessions/files.ts";
import type { Address } from "../../src/store/address.ts";
import type { Life } from "./base/life.ts";
import type { Container } from "./world/container.ts";
import type { Machine } from "./world/machine.ts";

/** A clean stop: three seconds of grace for each container, and what it takes to recover. */
const STOP_TIME = 120_000;

/** How long it waits for the engine. */
const PATIENCE = 30_000;

export class Promises {
  readonly #machine: Machine;
  readonly #cursors = new Map<string, number>();
  /** What each session's runners have begun and ended, by the turn's number. */
  readonly #turns = new Map<string, Map<number, "begun" | "ended">>();
  /** What each number of a session was seen to name. */
  readonly #named = new Map<string, string>();
  readonly #brokenOff = new Map<string, number>();
  commits = 0;
  #stopAt = 0;

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  /** A container was started. */
  containersChanged(): void {
    const { engine, setup } = this.#machine;
    const sessions = engine.running.map(({ session }) => session);
    const doubled = sessions.find((session, index) => sessions.indexOf(session) !== index);
    if (doubled) this.#broken("one container per session", `session ${doubled} has two containers`);
    const most = engine.running.filter(({ errand, unheard }) => !errand && !unheard).length;
    if (most > setup.maxContainers) {
      this.#broken("no more containers than allowed", `${most} run, ${setup.maxContainers} are allowed`);
    }
  }

  /** A platform was answered. */
  answered({ address, platformId, text }: ChannelEvent, acceptance: Acceptance): void {
    this.acknowledged(address, platformId, acceptance);
    if (text === "/stop") this.#machine.stops.accepted(address, platformId);
  }

  /** A channel was answered. */
  acknowledged({ channel, chat }: Address, platformId: string, { status }: Acceptance): void {
    if (status === "ignored" || status === "refused" || status === "held") return;
    const sql = "SELECT 1 FROM inbound_events WHERE channel=? AND chat=? AND platform_id=?";
    const known = this.#machine.look(sql, channel, chat, platformId).length > 0;
    this.#machine.world.trace.add("host", `answers for ${channel}/${chat} ${platformId}: ${status}`);
    if (!known) this.#broken("acknowledged means durable", `${platformId} in ${channel}/${chat} is not stored`);
  }

  /** The host has committed. */
  committed(): void {
    this.commits += 1;
    const sessions = this.#machine.look<{ id: string; cursor: number; running: number; ahead: number; early: number }>(
      `SELECT id, outbound_cursor AS cursor,
         (SELECT count(*) FROM turns WHERE session_id = id AND state = 'running') AS running,
         EXISTS (SELECT 1 FROM turns WHERE session_id = id AND number > outbound_cursor) AS ahead,
         EXISTS (SELECT 1 FROM outbox o WHERE o.session_id = s.id AND o.number > outbound_cursor) AS early FROM sessions s`,
    );
    for (const { id, cursor, running, ahead, early } of sessions) {
      const before = this.#cursors.get(id) ?? 0;
      this.#cursors.set(id, cursor);
      if (cursor < before) this.#broken("the cursor never goes back", `${id}: from ${before} to ${cursor}`);
      if (running > 1) this.#broken("one turn at a time per session", `${id} has ${running} running turns`);
      if (ahead) this.#broken("cursor and rows move together", `${id}: a turn is stored above the cursor ${cursor}`);
      if (early) this.#broken("a verb is carried out with the row that asks", `${id}: above the cursor ${cursor}`);
      if (cursor > before) this.#checkPassed(id, before, cursor);
    }
  }

  /** A runner has read rows of the host. */
  inboundSeen(container: Container, rows: InboundRow[]): void {
    const { session } = container;
    for (const { n, body } of rows) {
      this.#name(session, n, body.kind === "message" ? body.text : JSON.stringify(body));
      if (body.kind !== "message") continue;
      this.#machine.words.told(session, n, body.receipts);
      this.#checkFiles(container, n, body.files);
    }
  }

  /** What came with a message is where the agent is told that it is, or it is told why not. */
  #checkFiles(container: Container, n: number, files: FedFile[]): void {
    const sql = `SELECT e.files FROM inbox i JOIN inbound_events e ON e.id = i.event_id WHERE i.session_id=? AND i.number=?`;
    const [row] = this.#machine.look<{ files: string }>(sql, container.session, n);
    const came = JSON.parse(row?.files ?? "[]") as { name: string; size: number; ref: string }[];
    const what = `message ${n} of ${container.session}: ${JSON.stringify(files)}`;
    // A stopped message goes without what is still being fetched.
    const stop = this.#machine.look<{ n: number }>(
      "SELECT stopped_up_to AS n FROM sessions WHERE id=?",
      container.session,
    );
    if (files.length === 0 && n < (stop[0]?.n ?? 0)) return;
    if (files.length !== came.length) this.#broken("files come with their message", what);
    for (const [index, { path, note, name }] of files.entries()) {
      const from = came[index];
      const there = path !== null && existsSync(container.hostPath(path));
      const content = there ? readFileSync(container.hostPath(path), "utf8") : "";
      const right = path === null ? note !== "" : content === `content of ${from?.ref}`;
      if (name !== from?.name || !right || (from.size > MAX_FILE_BYTES && path !== null))
        this.#broken("files come with their message", what);
    }
  }

  /** A runner has ended a turn that went nowhere. */
  brokenOff(session: string): void {
    this.#brokenOff.set(session, (this.#brokenOff.get(session) ?? 0) + 1);
  }

  /** A runner has committed rows. */
  outboundCommitted(session: string, rows: OutboundRow[]): void {
    this.#machine.stops.outboundCommitted(session, rows);
    this.#machine.words.outboundCommitted(session, rows);
    const turns = this.#turns.get(session) ?? new Map<number, "begun" | "ended">();
    this.#turns.set(session, turns);
    for (const { n, body } of rows) {
      this.#name(session, n, JSON.stringify(body));
      if (body.kind === "turn_started") turns.set(n, "begun");
      if (body.kind === "turn_ended") turns.set(body.turn, "ended");
    }
  }

  /** The host's process ended with an error that nobody caught. */
  hostFailed(error: unknown): void {
    const stack = error instanceof Error ? (error.stack ?? "") : "";
    this.#broken("the host stays up", `${messageOf(error)}\n${stack}`);
  }

  stopping(life: Life): void {
    const { world } = this.#machine;
    this.#stopAt = world.time.now;
    world.time.after(life, STOP_TIME, () => this.#broken("a clean stop ends", `it took longer than ${STOP_TIME} ms`));
  }

  stopped(life: Life): void {
    const { engine, world } = this.#machine;
    // What the engine did not end by then is left to the next start.
    if (!life.alive || world.time.now - this.#stopAt >= PATIENCE) return;
    const left = engine.running.filter(({ knownTo }) => knownTo === life).map(({ id }) => id);
    if (left.length > 0) this.#broken("a clean stop ends", `${left.join(", ")} still run`);
  }

  /** The turns that a cursor went past are stored. */
  #checkPassed(session: string, after: number, upTo: number): void {
    const begun = [...(this.#turns.get(session)?.keys() ?? [])].filter((turn) => turn > after && turn <= upTo).length;
    const sql = "SELECT count(*) AS count FROM turns WHERE session_id=? AND number>? AND number<=?";
    const stored = this.#machine.look<{ count: number }>(sql, session, after, upTo)[0]?.count;
    if (stored !== begun) {
      this.#broken("cursor and rows move together", `${session}: ${stored} of ${begun} turns are stored up to ${upTo}`);
    }
  }

  /** At the end of a run, when everything had its time. */
  atTheEnd(): void {
    this.#checkTaken();
    this.#checkCleared();
    this.#checkEndless();
    this.#machine.stops.atTheEnd();
    this.#machine.words.atTheEnd();
    this.#machine.questions.atTheEnd();
    this.#machine.guarding.atTheEnd();
    this.#machine.spending.atTheEnd();
    const open = this.#machine.look<{ id: string; state: string }>("SELECT id, state FROM scheduled_tasks");
    for (const { id, state } of open) {
      // Without money left it fails, and is paused after a few times.
      const mayRest = state === "paused" && this.#machine.setup.budget !== null;
      if (state !== "done" && !mayRest) this.#broken("a task that has run is done", `task ${id} is ${state}`);
    }
    const db = new Database(this.#machine.database);
    const verdict = new Audit(db, systemClock).verify();
    db.close();
    if (!verdict.intact) this.#broken("the audit chain is intact", `record ${verdict.seq}: ${verdict.why}`);
  }

  /** A runner that lives ends its turns itself: the host never has to, for want of an end. */
  #checkEndless(): void {
    const [cut] = this.#machine.look<{ resource: string }>(
      "SELECT resource FROM audit WHERE verb='turn.interrupt' AND detail ->> 'cause' = 'it took too long' LIMIT 1",
    );
    if (cut) this.#broken("a turn that goes nowhere is ended by its runner", cut.resource);
  }

  /** Of conversations in which nobody will speak again nothing stays. */
  #checkCleared(): void {
    const { paths } = this.#machine;
    const rows = this.#machine.look<{ id: string; ran: number; asked: number }>(
      `SELECT id, conversation LIKE 'task:%' AS ran, EXISTS (SELECT 1 FROM approvals a WHERE a.session_id = s.id) AS asked
       FROM sessions s`,
    );
    const known = new Set(rows.flatMap(({ id, ran }) => (ran ? [] : [id])));
    // A question that a run's agent had put to a person goes on naming who asked.
    const left = rows.filter(({ ran, asked }) => ran && !asked);
    if (left[0]) this.#broken("a run leaves nothing behind", `session ${left[0].id} is still known`);
    for (const folder of globSync(join(paths.sessions, "*", "*"))) {
      if (!known.has(basename(folder)))
        this.#broken("a run leaves nothing behind", `the folder of ${basename(folder)}`);
    }
  }

  /** A turn's end that a runner has committed is never thrown away. */
  #checkTaken(): void {
    const known = new Set(this.#machine.look<{ id: string }>("SELECT id FROM sessions").map(({ id }) => id));
    for (const [session, turns] of this.#turns) {
      // What was cleared away had its end.
      if (!known.has(session)) continue;
      for (const [turn, state] of turns) {
        if (state !== "ended") continue;
        const sql = "SELECT state FROM turns WHERE session_id=? AND number=?";
        const stored = this.#machine.look<{ state: string }>(sql, session, turn)[0]?.state ?? "missing";
        if (["missing", "running", "interrupted"].includes(stored)) {
          this.#broken("what a runner committed is taken once", `turn ${turn} of ${session} is ${stored}`);
        }
      }
    }
  }

  #name(session: string, n: number, what: string): void {
    const name = `${session}:${n}`;
    const before = this.#named.get(name) ?? what;
    this.#named.set(name, what);
    if (before !== what) this.#broken("a number names one row", `${name} was ${before}, and is ${what}`);
  }

  #broken(promise: string, detail: string): void {
    this.#machine.world.broken(promise, detail);
  }
}
