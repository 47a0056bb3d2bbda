/**
 * The host's side of the scratch session's mailbox: the real drain, the real checks and the real gate, on a database in
 * memory with two sessions in it. Nothing that is asked for is carried out; it is only noted.
 */
import { type VerbName, verbs } from "../../api/verbs.ts";
import { Audit } from "../../src/audit/audit.ts";
import { carryOutFor } from "../../src/control/agent-tools.ts";
import { type Effects, Executor } from "../../src/control/execute.ts";
import type { Clock } from "../../src/lib/clock.ts";
import type { AgentGroupId, SessionId, UserId } from "../../src/lib/ids.ts";
import { silentLog } from "../../src/lib/log.ts";
import { Drain, type DrainEnd, type DrainParts } from "../../src/sessions/drain.ts";
import type { SessionFolder } from "../../src/sessions/folder.ts";
import type { MailboxReaders } from "../../src/sessions/mailbox-readers.ts";
import type { AgentGroup } from "../../src/store/groups.ts";
import type { Session } from "../../src/store/sessions.ts";
import { openStore, type Store } from "../../src/store/store.ts";

/** The first of the messages that wait for the session (they have even numbers), and the one that waits for the other. */
export const MINE = 2;
const WAITING = 3;
export const OTHER = 100;

export interface Taker {
  look(): Promise<DrainEnd | string>;
}

export interface MailParts {
  clock: Clock;
  readers: MailboxReaders;
  /** Takes rows out of a mailbox, as the host does. */
  takerOf(parts: DrainParts, session: Session, folder: SessionFolder): Taker;
  /** Carries out what an agent asks for, as the host does. */
  carryOutOf: typeof carryOutFor;
}

/** The host's own way. */
export const realMail: Pick<MailParts, "takerOf" | "carryOutOf"> = {
  carryOutOf: carryOutFor,
  takerOf(parts, session, folder) {
    const hooks = { onApplied: () => {}, onProgress: () => {}, onViolation: () => {} };
    // That rows are refused is what is wanted here: nobody needs to read of it.
    return new Drain(parts, session, folder, hooks, silentLog);
  },
};

/** No credential stands behind a placeholder here. */
const asItIs: DrainParts["tripwire"] = {
  cut: (_session, _where, value) => value,
  shown: (_session, progress) => progress,
  file: (_session, _name, bytes) => bytes,
};

/** Making a store takes the host tens of milliseconds; making it empty, one. */
function emptied({ db }: Store): void {
  const tables = db.all<{ name: string }>(
    "SELECT name FROM sqlite_schema WHERE type='table' AND name NOT LIKE 'sqlite_%'",
  );
  db.exec("PRAGMA foreign_keys=OFF");
  for (const { name } of tables) db.exec(`DELETE FROM ${name}`);
  db.exec("DELETE FROM sqlite_sequence; PRAGMA foreign_keys=ON");
}

export class Mail {
  readonly ownFolder: string;
  /** Verbs that passed the gate. */
  called: { verb: string; args: Record<string, unknown> }[] = [];
  /** How the last verb was answered. */
  answered: "done" | "refused" | "not" = "not";
  slowestLook = 0;
  readonly #parts: MailParts;
  readonly #session: Session;
  readonly #other: Session;
  readonly #folder: SessionFolder;
  readonly #group: AgentGroup;
  readonly #store: Store;
  #taker: Taker;

  constructor(parts: MailParts, group: AgentGroup, session: Session, folder: SessionFolder) {
    this.#parts = parts;
    this.#group = group;
    this.ownFolder = group.folder;
    this.#session = { ...session, channel: "prove", chat: "own", outboundCursor: 0 };
    this.#other = { ...this.#session, id: `${session.id}-x` as SessionId, conversation: "prove/other", chat: "other" };
    this.#folder = folder;
    this.#store = openStore(":memory:");
    this.#taker = this.#fill();
  }

  /** Everything as it was at the beginning, for the next attack. */
  renew(): void {
    emptied(this.#store);
    this.#taker = this.#fill();
    this.called = [];
    this.answered = "not";
    this.slowestLook = 0;
  }

  /** Lets the host take what is in the mailbox. */
  async look(): Promise<void> {
    const began = performance.now();
    await this.#taker.look();
    this.slowestLook = Math.max(this.slowestLook, performance.now() - began);
  }

  get cursor(): number {
    return this.#store.sessions.session(this.#session.id)?.outboundCursor ?? 0;
  }

  stateOf(whose: "own" | "other", number: number): string {
    const { id } = whose === "own" ? this.#session : this.#other;
    const sql = "SELECT state FROM inbox WHERE session_id=? AND number=?";
    return this.#store.db.get<{ state: string }>(sql, id, number)?.state ?? "";
  }

  /** What would be delivered. */
  said(): { author: string; text: string; chat: string }[] {
    return this.#store.outbox.list(null, 1_000);
  }

  close(): void {
    this.#store.db.close();
  }

  #fill(): Taker {
    const { clock, readers } = this.#parts;
    const store = this.#store;
    const now = clock.now();
    const owner = "prove:owner" as UserId;
    store.users.put({ id: owner, name: "Owner", timeZone: "UTC" }, now);
    store.users.grantOwner(owner);
    store.groups.addAgentGroup(this.#group);
    store.groups.addAgentGroup({ ...this.#group, id: `${this.#group.id}-x` as AgentGroupId, folder: "victim" });
    for (const session of [this.#session, this.#other]) store.sessions.add(session);
    const say = (session: Session, number: number) => {
      const event = store.inbox.addEvent({
        ...{ channel: "prove", chat: session.chat, thread: null, platformId: `${session.id}:${number}`, revision: 0 },
        ...{ change: "said", author: "person", userId: owner, userName: "Owner", text: "hello", files: [] },
        ...{ script: null, saidAt: now, receivedAt: now },
      });
      if (event !== null) store.inbox.enqueue(session.id, number, event, true);
    };
    for (let count = 0; count < WAITING; count += 1) say(this.#session, MINE + 2 * count);
    say(this.#other, OTHER);
    const audit = new Audit(store.db, clock);
    const executor = new Executor(this.#noting(), store, audit);
    const carryOut = this.#parts.carryOutOf(store, () => executor);
    const parts: DrainParts = {
      ...{ store, audit, clock, readers, tripwire: asItIs },
      carryOut: (call) => {
        const outcome = carryOut(call);
        this.answered = outcome.ok ? "done" : "refused";
        return outcome;
      },
    };
    return this.#parts.takerOf(parts, this.#session, this.#folder);
  }

  /** Effects that do nothing but tell that the gate let them through. */
  #noting(): Effects {
    const note = (verb: string) => (args: unknown) => {
      this.called.push({ verb, args: { ...Object(args) } });
      return { done: true };
    };
    const names = Object.keys(verbs) as VerbName[];
    // Each name has its effect, and no result is looked at; the compiler can't see either.
    return Object.fromEntries(names.map((name) => [name, note(name)])) as unknown as Effects;
  }
}
