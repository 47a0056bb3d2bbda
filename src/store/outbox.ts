/**
 * What is to be said: pending -> sending -> sent | retry | unknown | dead. A row is durable before it is sent and
 * marked `sending` before the platform sees it, so that a crash never hides a message or an attempt.
 */
import type { SessionId } from "../lib/ids.ts";
import type { Database } from "../lib/sqlite.ts";
import type { Address } from "./address.ts";

export type OutboxState = "pending" | "sending" | "sent" | "retry" | "unknown" | "dead";

/** `draft` is a message that shows what is being written; the turn's answer takes its place. */
export type OutboxKind = "message" | "draft" | "edit" | "reaction";

/** A file to be sent: a path on the host that stays as it is until the message has its end. */
export interface OutgoingFile {
  path: string;
  name: string;
}

/** Under a message; where a platform has none, people are told what to type instead. */
export interface Button {
  /** What people read. */
  label: string;
  /** What comes back, at most 60 bytes. */
  value: string;
  /** What can be typed for it. */
  typed?: string;
}

export interface OutboxRow {
  id: number;
  sessionId: SessionId | null;
  channel: string;
  chat: string;
  thread: string | null;
  kind: OutboxKind;
  /** The number by which the agent knows the message; null for notices. */
  number: number | null;
  /** Platform id of the message that a reaction is for. */
  target: string | null;
  /** For an edit, and for an answer that takes a draft's place: the row whose message it changes. */
  over: number | null;
  author: "agent" | "system";
  /** A word of the host that goes beside the messages of its conversation, not among them. */
  notice: boolean;
  text: string;
  files: OutgoingFile[];
  buttons: Button[];
  /** Platform ids of the messages that this one answers. */
  answers: string[];
  /** Idempotency key: the same for every try. */
  key: string;
  state: OutboxState;
  tries: number;
  /** Not before this time, milliseconds since the epoch. */
  nextAt: number;
  platformId: string | null;
  error: string | null;
  createdAt: number;
  turn: number | null;
  cause: number | null;
}

export interface NewOutboxRow {
  sessionId?: SessionId | null;
  turn?: number | null;
  /** Something that has a place will do. */
  address: Address;
  author: "agent" | "system";
  text: string;
  answers?: string[];
  key: string;
  /** The audit record that led to it; where there is a turn, that of its start unless something else is said. */
  cause?: number | null;
  kind?: OutboxKind;
  number?: number;
  target?: string;
  over?: number | null;
  files?: OutgoingFile[];
  notice?: boolean;
  buttons?: Button[];
}

/** What became of a message that the agent sent. */
export interface Outcome {
  number: number;
  kind: OutboxKind;
  state: "sent" | "unknown" | "dead";
  error: string | null;
}

const COLUMNS = `id, session_id AS sessionId, channel, chat, thread, kind, number, target, over, author, notice, text, files,
  buttons, answers, key, state, tries, next_at AS nextAt, platform_id AS platformId, error, created_at AS createdAt, turn,
  cause`;
/** Only these change: what has ended stays as it ended until a person opens it again. */
const OPEN = "state IN ('pending','sending','retry')";
const OUTCOME = "session_id=? AND author='agent' AND kind <> 'draft' AND state IN ('sent','unknown','dead')";
/** Rows of one conversation are apart by so much, so that the parts of a long text find room after the first. */
export const MOST_PARTS = 900;
/** A message that was tried without success for so long no longer holds up the others of its conversation, milliseconds. */
const HOLDS = 10 * 60_000;

export class Outbox {
  readonly #db: Database;
  /** Called after each commit that added a row or made one due. */
  #wake: () => void = () => {};
  constructor(db: Database) {
    this.#db = db;
  }

  /** One listener: the delivery. */
  onWork(wake: () => void): void {
    this.#wake = wake;
  }

  /** Adds a row; one with the same key that is there already stays as it is. */
  add(row: NewOutboxRow, now: number): void {
    this.#db.run(
      `INSERT INTO outbox (session_id, turn, channel, chat, thread, kind, number, target, over, author, notice, text, files,
         buttons, answers, key, state, created_at, cause)
       VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,'pending',?,
         coalesce(?, (SELECT record FROM turns WHERE session_id=?1 AND turns.number=?2)))
       ON CONFLICT (key) DO NOTHING`,
      ...[
        row.sessionId ?? null,
        row.turn ?? null,
        row.address.channel,
        row.address.chat,
        row.address.thread,
        row.kind ?? "message",
      ],
      ...[row.number ?? null, row.target ?? null, row.over ?? null, row.author, row.notice ? 1 : 0, row.text],
      ...[JSON.stringify(row.files ?? []), JSON.stringify(row.buttons ?? []), JSON.stringify(row.answers ?? [])],
      ...[row.key, now, row.cause ?? null],
    );
    this.#db.afterCommit(() => this.#wake());
  }

  /**
   * A word of the host that need not wait for the messages before it. One with the same words that is on its way there
   * says it already, but for one that answers a message: each of those has its own end.
   */
  notify(row: Omit<NewOutboxRow, "author" | "notice">, now: number): void {
    const { channel, chat, thread } = row.address;
    const same = `SELECT 1 FROM outbox WHERE channel=? AND chat=? AND thread IS ? AND notice=1 AND text=? AND ${OPEN}`;
    if (!row.answers?.length && this.#db.get(same, channel, chat, thread, row.text)) return;
    this.add({ ...row, author: "system", notice: true }, now);
  }

  /** The draft of a session whose place no answer has taken yet. */
  openDraft(session: SessionId): OutboxRow | undefined {
    const sql = `SELECT ${COLUMNS} FROM outbox WHERE session_id=? AND kind='draft' AND over IS NULL ORDER BY id DESC LIMIT 1`;
    const row = this.#db.get<StoredOutboxRow>(sql, session);
    return row && parse(row);
  }

  /**
   * An answer takes the place of the session's draft: one that was not sent yet never will be.
   * @returns the draft's row, for `over` of the answer; null where none is shown
   */
  closeDraft(session: SessionId, now: number): number | null {
    const draft = this.openDraft(session);
    if (!draft) return null;
    this.#db.run("UPDATE outbox SET over=id WHERE id=?", draft.id);
    if (draft.state === "sent" || draft.state === "sending") return draft.id;
    this.end(draft.id, "dead", "its answer came first", now);
    return null;
  }

  /**
   * What may be sent: the first open row of each conversation and the first of its notices, so order is kept, and every
   * row that has held up its conversation for too long.
   */
  heads(now: number): OutboxRow[] {
    return this.#db
      .all<StoredOutboxRow>(
        `SELECT ${COLUMNS} FROM outbox WHERE ${OPEN} AND (
           tried_since < ?1 OR position IN (
             SELECT min(position) FROM outbox WHERE ${OPEN} AND coalesce(tried_since, ?1) >= ?1
             GROUP BY channel, chat, thread, notice)) ORDER BY position`,
        now - HOLDS,
      )
      .map(parse);
  }

  hasOpen(session: SessionId): boolean {
    return this.#db.get(`SELECT 1 FROM outbox WHERE session_id=? AND ${OPEN} LIMIT 1`, session) !== undefined;
  }

  row(id: number): OutboxRow | undefined {
    const row = this.#db.get<StoredOutboxRow>(`SELECT ${COLUMNS} FROM outbox WHERE id=?`, id);
    return row && parse(row);
  }

  /** The last part of the message that was added with this key: the one with its buttons. */
  byKey(key: string): OutboxRow | undefined {
    const sql = `SELECT ${COLUMNS} FROM outbox WHERE key=?1 OR part_of=(SELECT id FROM outbox WHERE key=?1)
      ORDER BY position DESC LIMIT 1`;
    const row = this.#db.get<StoredOutboxRow>(sql, key);
    return row && parse(row);
  }

  /** All that is kept of a message's text from now on. */
  reword(key: string, text: string): void {
    this.#db.run("UPDATE outbox SET text=?2 WHERE key=?1 OR part_of=(SELECT id FROM outbox WHERE key=?1)", key, text);
  }

  /** The message that an agent knows by this number, its parts in order; none of another chat than the one where it speaks. */
  byNumber(session: SessionId, number: number): OutboxRow[] {
    const sql = `SELECT ${COLUMNS} FROM outbox WHERE session_id=?1 AND number=?2 AND kind='message'
       AND (channel, chat) = (SELECT s.channel, s.chat FROM sessions s WHERE s.id=?1) ORDER BY position`;
    return this.#db.all<StoredOutboxRow>(sql, session, number).map(parse);
  }

  /**
   * A turn that goes on with the work of one that was cut off says what that one has said already, with the same files: it
   * is the same message, also where that went out in parts. @returns its number, once for each that was said
   */
  takeOver(session: SessionId, turn: number, text: string, files: OutgoingFile[]): number | null {
    const done =
      "SELECT coalesce(max(number), 0) FROM turns WHERE session_id=?1 AND number<?2 AND state<>'interrupted'";
    const again = "SELECT 1 FROM inbox WHERE session_id=?1 AND turn=?2 AND state='in_turn' AND attempt>1";
    // Files ride along with the last part.
    const carried =
      "SELECT files FROM outbox p WHERE p.session_id=?1 AND p.number=o.number AND p.kind='message' ORDER BY position DESC LIMIT 1";
    const sql = `UPDATE outbox SET turn=?2 WHERE session_id=?1 AND kind='message' AND number = (
        SELECT number FROM outbox o WHERE session_id=?1 AND kind='message' AND number > (${done}) AND turn > (${done}) AND turn<?2
          AND author='agent' AND part=0 AND coalesce(whole, text)=?3 AND (${carried})=?4 AND EXISTS (${again})
          ORDER BY number LIMIT 1) RETURNING number`;
    return this.#db.get<{ number: number }>(sql, session, turn, text, JSON.stringify(files))?.number ?? null;
  }

  list(state: OutboxState | null, limit: number): OutboxRow[] {
    const where = state ? "WHERE state=?" : "";
    const sql = `SELECT ${COLUMNS} FROM outbox ${where} ORDER BY id DESC LIMIT ?`;
    return this.#db.all<StoredOutboxRow>(sql, ...(state ? [state] : []), limit).map(parse);
  }

  /** Makes one row for each part of its text, in its place; the first part keeps the row, its answers and its key. */
  split(row: OutboxRow, parts: string[]): void {
    const [first = "", ...others] = parts;
    this.#db.transaction(() => {
      const last = [JSON.stringify(row.files), JSON.stringify(row.buttons)];
      const carries = (isLast: boolean) => (isLast ? last : ["[]", "[]"]);
      const sql = "UPDATE outbox SET whole=text, text=?, files=?, buttons=? WHERE id=?";
      this.#db.run(sql, first, ...carries(others.length === 0), row.id);
      for (const [index, text] of others.entries()) {
        this.#db.run(
          `INSERT INTO outbox (session_id, turn, channel, chat, thread, kind, number, author, notice, text, files, buttons,
             answers, key, state, created_at, cause, part_of, part)
           SELECT session_id, turn, channel, chat, thread, 'message', number, author, notice, ?2, ?3, ?4, '[]', key || '#' || ?5,
             'pending', created_at, cause, id, ?5 FROM outbox WHERE id=?1 ON CONFLICT (key) DO NOTHING`,
          ...[row.id, text, ...carries(index === others.length - 1), index + 1],
        );
      }
    });
  }

  /** An answer that can't take its draft's place is sent as a message of its own. */
  standAlone(id: number): void {
    this.#db.run("UPDATE outbox SET over=NULL, state='pending', next_at=0 WHERE id=?", id);
  }

  /** Makes everything due that waits for its next try. */
  endPauses(): void {
    this.#db.run(`UPDATE outbox SET next_at=0 WHERE next_at>0 AND ${OPEN}`);
  }

  /** @returns false where the row has its end already: it must not be sent */
  claim(id: number, now: number): boolean {
    const sql = `UPDATE outbox SET state='sending', tries=tries+1, tried_since=coalesce(tried_since, ?) WHERE id=? AND ${OPEN}`;
    return this.#db.run(sql, now, id) === 1;
  }

  sent(id: number, platformId: string | null, now: number): void {
    this.#db.run(
      `UPDATE outbox SET state='sent', platform_id=?, error=NULL, ended_at=? WHERE id=? AND ${OPEN}`,
      ...[platformId, now, id],
    );
  }

  /** Makes a row due again at `nextAt`; `sending` where it may have arrived already. */
  again(id: number, state: "retry" | "sending", nextAt: number, error: string): void {
    this.#db.run(`UPDATE outbox SET state=?, next_at=?, error=? WHERE id=? AND ${OPEN}`, state, nextAt, error, id);
  }

  end(id: number, state: "unknown" | "dead", error: string, now: number): void {
    this.#db.run(`UPDATE outbox SET state=?, error=?, ended_at=? WHERE id=? AND ${OPEN}`, state, error, now, id);
  }

  /** Makes a dead or unknown row due again, by hand: the agent, too, hears what becomes of it then. @returns false when there is no such row. */
  reopen(id: number): boolean {
    const sql = `UPDATE outbox SET state=CASE state WHEN 'unknown' THEN 'sending' ELSE 'retry' END, next_at=0, tries=0,
      tried_since=NULL, ended_at=NULL WHERE id=? AND kind <> 'draft' AND state IN ('dead','unknown','retry')`;
    const changed = this.#db.run(sql, id) === 1;
    if (!changed) return false;
    // A part of a long message: what the agent hears is what has become of all of it.
    const whole = `UPDATE outbox SET told_with=NULL WHERE author='agent' AND (session_id, number) =
      (SELECT session_id, number FROM outbox WHERE id=?)`;
    this.#db.run(whole, id);
    this.#db.afterCommit(() => this.#wake());
    return true;
  }

  /** What became of the agent's messages since it last heard of them is told with message `number`, and only with that. */
  tellOutcomes(session: SessionId, number: number): void {
    // A long message has become what it becomes when its last part has.
    this.#db.run(
      `UPDATE outbox SET told_with=? WHERE told_with IS NULL AND ${OUTCOME} AND NOT EXISTS (
         SELECT 1 FROM outbox part WHERE part.session_id=outbox.session_id AND part.number=outbox.number
           AND part.told_with IS NULL AND part.author='agent' AND part.${OPEN})`,
      ...[number, session],
    );
  }

  /** What is told with message `number`, however often that is handed over. */
  outcomes(session: SessionId, number: number): Outcome[] {
    return this.#db.all(
      `SELECT number, kind, state, error FROM outbox WHERE told_with=? AND ${OUTCOME} AND number IS NOT NULL ORDER BY position`,
      ...[number, session],
    );
  }

  counts(): Partial<Record<OutboxState, number>> {
    const rows = this.#db.all<{ state: OutboxState; count: number }>(
      `SELECT state, count(*) AS count FROM (SELECT state, kind FROM outbox WHERE ${OPEN}
         UNION ALL SELECT state, kind FROM outbox WHERE state IN ('unknown','dead'))
       WHERE kind <> 'draft' GROUP BY state`,
    );
    return Object.fromEntries(rows.map((row) => [row.state, row.count]));
  }
}

type StoredOutboxRow = Omit<OutboxRow, "notice" | "answers" | "files" | "buttons"> &
  Record<"answers" | "files" | "buttons", string> & { notice: number };
const parse = (row: StoredOutboxRow): OutboxRow => ({
  ...row,
  notice: row.notice === 1,
  answers: JSON.parse(row.answers) as string[],
  files: JSON.parse(row.files) as OutgoingFile[],
  buttons: JSON.parse(row.buttons) as Button[],
});
