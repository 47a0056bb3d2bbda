/**
 * What each agent group has read and can see, what its owner waived, and where the guard is off. All sessions of a group
 * share its workspace and its memory, so they share this. It stays until a person clears it.
 */
import type { Labels, Secret, Source, Waiver } from "../../packages/flow-guard/judge.ts";
import type { AgentGroupId, SessionId } from "../../src/lib/ids.ts";
import type { Database } from "../../src/lib/sqlite.ts";
import type { Address } from "../../src/store/address.ts";

export type Side = "untrusted" | "private";
type Mark = "off" | "private chat";
type Place = Pick<Address, "channel" | "chat">;

/** A label as it was written down. */
export interface Known {
  label: Source | Secret;
  /** The session that it came by; null where the owner said it. */
  session: string | null;
  since: number;
}

/** What decisions about a group rest on. */
export interface Standing {
  labels: Labels;
  waivers: Waiver[];
  off: boolean;
}

/** Labels of a kind that are kept apart for each group and side; those beyond share one name, which only `*` waives. */
const MOST_OF_A_KIND = 200;
const MANY = "(many)";
/** Groups whose standing is kept in memory. */
const MOST_CACHED = 1_000;
/** In UTF-16 code units: as long as what names a user may be. */
const LONGEST_NAME = 300;

export class GuardLabels {
  readonly #db: Database;
  readonly #cached = new Map<AgentGroupId, Standing>();
  constructor(db: Database) {
    this.#db = db;
  }

  standing(group: AgentGroupId): Standing {
    const cached = this.#cached.get(group);
    if (cached) return cached;
    const of = <Label>(side: Side) => this.known(group, side).map(({ label }) => label as Label);
    const standing = {
      labels: { untrusted: of<Source>("untrusted"), private: of<Secret>("private") },
      waivers: this.waivers(group),
      off: this.#marked("off", group),
    };
    if (this.#cached.size >= MOST_CACHED) this.#cached.clear();
    this.#cached.set(group, standing);
    return standing;
  }

  /** The oldest first. */
  known(group: AgentGroupId, side: Side): Known[] {
    return this.#db
      .all<{ kind: Source["kind"] & Secret["kind"]; name: string; session: string | null; since: number }>(
        `SELECT kind, name, session_id AS session, since FROM guard_labels WHERE agent_group_id=? AND side=?
         ORDER BY since, kind, name`,
        ...[group, side],
      )
      .map(({ kind, name, session, since }) => ({ label: { kind, name }, session, since }));
  }

  /** @returns whether that is new */
  add(group: AgentGroupId, side: Side, label: Source | Secret, session: SessionId | null, now: number): boolean {
    const { kind } = label;
    const name = label.name.slice(0, LONGEST_NAME);
    // Asked of the database and not of what is cached: a transaction that was undone took its label with it.
    if (this.#has(group, side, kind, name)) return false;
    const count = "SELECT count(*) AS count FROM guard_labels WHERE agent_group_id=? AND side=? AND kind=?";
    const full = (this.#db.get<{ count: number }>(count, group, side, kind)?.count ?? 0) >= MOST_OF_A_KIND;
    if (full && this.#has(group, side, kind, MANY)) return false;
    this.#db.run(
      "INSERT INTO guard_labels (agent_group_id, side, kind, name, session_id, since) VALUES (?,?,?,?,?,?)",
      ...[group, side, kind, full ? MANY : name, session, now],
    );
    // At once, for what follows in the same transaction; and again, for what was cached before it was committed.
    this.#cached.delete(group);
    this.#forgetAfterCommit(group);
    return true;
  }

  /** What the owner marked the group itself for stays. @returns how many went */
  clear(group: AgentGroupId, side: Side): number {
    this.#forgetAfterCommit(group);
    return this.#db.run("DELETE FROM guard_labels WHERE agent_group_id=? AND side=? AND kind<>'group'", group, side);
  }

  remove(group: AgentGroupId, side: Side, { kind, name }: Source | Secret): void {
    this.#forgetAfterCommit(group);
    const sql = "DELETE FROM guard_labels WHERE agent_group_id=? AND side=? AND kind=? AND name=?";
    this.#db.run(sql, group, side, kind, name);
  }

  waivers(group: AgentGroupId): (Waiver & { since: number })[] {
    return this.#db
      .all<{ a: Source["kind"]; b: string; c: Waiver["sink"]["kind"]; d: string; since: number }>(
        `SELECT source_kind AS a, source_name AS b, sink_kind AS c, sink_name AS d, since FROM guard_waivers
         WHERE agent_group_id=? ORDER BY since, a, b, c, d`,
        group,
      )
      .map(({ a, b, c, d, since }) => ({ source: { kind: a, name: b }, sink: { kind: c, name: d }, since }));
  }

  waive(group: AgentGroupId, { source, sink }: Waiver, now: number): void {
    this.#forgetAfterCommit(group);
    this.#db.run(
      `INSERT INTO guard_waivers (agent_group_id, source_kind, source_name, sink_kind, sink_name, since)
       VALUES (?,?,?,?,?,?) ON CONFLICT DO NOTHING`,
      ...[group, source.kind, source.name, sink.kind, sink.name, now],
    );
  }

  /** @returns whether there was such a waiver */
  unwaive(group: AgentGroupId, { source, sink }: Waiver): boolean {
    this.#forgetAfterCommit(group);
    const sql = `DELETE FROM guard_waivers WHERE agent_group_id=? AND source_kind=? AND source_name=?
      AND sink_kind=? AND sink_name=?`;
    return this.#db.run(sql, group, source.kind, source.name, sink.kind, sink.name) > 0;
  }

  setOff(group: AgentGroupId, off: boolean): void {
    this.#forgetAfterCommit(group);
    this.#mark("off", group, off);
  }

  isPrivateChat({ channel, chat }: Place): boolean {
    return this.#marked("private chat", `${channel}:${chat}`);
  }

  markChat({ channel, chat }: Place, isPrivate: boolean): void {
    this.#mark("private chat", `${channel}:${chat}`, isPrivate);
  }

  #marked(mark: Mark, about: string): boolean {
    return this.#db.get("SELECT 1 FROM guard_marks WHERE mark=? AND about=?", mark, about) !== undefined;
  }

  #mark(mark: Mark, about: string, on: boolean): void {
    if (on) this.#db.run("INSERT OR IGNORE INTO guard_marks (mark, about) VALUES (?,?)", mark, about);
    else this.#db.run("DELETE FROM guard_marks WHERE mark=? AND about=?", mark, about);
  }

  #has(group: AgentGroupId, side: Side, kind: string, name: string): boolean {
    const sql = "SELECT 1 FROM guard_labels WHERE agent_group_id=? AND side=? AND kind=? AND name=?";
    return this.#db.get(sql, group, side, kind, name) !== undefined;
  }

  /** Not before: until then what is cached holds, and after a failure too. */
  #forgetAfterCommit(group: AgentGroupId): void {
    this.#db.afterCommit(() => this.#cached.delete(group));
  }
}
