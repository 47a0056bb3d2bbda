/** Opens what a power loss left with the host's own code, and holds it to what was acknowledged before. */
import { existsSync, globSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { MailboxWriter } from "../../../protocol/mailbox/writer.ts";
import { Audit } from "../../../src/audit/audit.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import { takeLock } from "../../../src/lib/lock.ts";
import { openStore, type Store } from "../../../src/store/store.ts";

/**
 * @param dir the data folder of the image
 * @param acknowledged numbers of the messages that a client was told "got it" of
 * @param marks all that was acknowledged (see marks.ts)
 */
export function brokenByPowerLoss(dir: string, acknowledged: number[], marks: string[]): string[] {
  const path = join(dir, "v2.db");
  if (!existsSync(path)) return acknowledged.map((n) => `message ${n} was acknowledged, and there is no database`);
  const broken: string[] = [];
  try {
    takeLock(join(dir, "host.lock")).release();
    const store = openStore(path);
    try {
      broken.push(...central(store, acknowledged), ...others(store, marks));
      for (const inbound of globSync(join(dir, "sessions/*/*/in/inbound.db"))) broken.push(...mailbox(store, inbound));
    } finally {
      store.db.close();
    }
  } catch (error) {
    broken.push(`it can't be opened: ${error instanceof Error ? error.message : String(error)}`);
  }
  return broken;
}

function central({ db }: Store, acknowledged: number[]): string[] {
  const broken = db
    .all<{ integrity_check: string }>("PRAGMA integrity_check")
    .flatMap((row) => (row.integrity_check === "ok" ? [] : [`the central database: ${row.integrity_check}`]));
  if (db.all("PRAGMA foreign_key_check").length > 0) broken.push("the central database: foreign keys");
  const verdict = new Audit(db, systemClock).verify();
  if (!verdict.intact) broken.push(`the audit chain: record ${verdict.seq}: ${verdict.why}`);
  const kept = db.all<{ n: number }>(
    `SELECT m.n FROM terminal_messages m JOIN inbound_events e ON e.channel = 'terminal' AND e.platform_id = m.n
     JOIN inbox i ON i.event_id = e.id`,
  );
  const there = new Set(kept.map(({ n }) => n));
  broken.push(...acknowledged.filter((n) => !there.has(n)).map((n) => `message ${n} was acknowledged and is gone`));
  const unseen = db.all(
    "SELECT 1 FROM outbox WHERE channel = 'terminal' AND state = 'sent' AND 'host:' || key NOT IN (SELECT key FROM terminal_messages)",
  );
  if (unseen.length > 0) broken.push(`${unseen.length} messages count as sent and nobody sees them`);
  return broken;
}

/** What is there when a verb was answered, or a note taken. */
const DURABLE: Record<string, string> = {
  "groups.init": "SELECT 1 FROM agent_groups",
  "claw.open": "SELECT 1 FROM sessions WHERE chat LIKE 'claw-%'",
  "credentials.set": "SELECT 1 FROM credentials",
  "channels.pair": "SELECT 1 FROM pairings UNION ALL SELECT 1 FROM messaging_groups WHERE channel = 'paper'",
  "tasks.add": "SELECT 1 FROM scheduled_tasks WHERE name = 'mike'",
  "chat.stop": "SELECT 1 FROM sessions WHERE stopped_up_to > 0",
};

function others({ db }: Store, marks: string[]): string[] {
  return marks.flatMap((mark) => {
    const note = /^note (note-.+)$/.exec(mark)?.[1];
    if (note) {
      const sql = "SELECT 1 FROM inbound_events WHERE channel = 'paper' AND platform_id = ?";
      return db.get(sql, note) ? [] : [`${note} was taken and is gone`];
    }
    const sql = DURABLE[mark];
    return sql === undefined || db.get(sql) ? [] : [`${mark} was acknowledged and is gone`];
  });
}

/** A projection may be behind the central database, never ahead of it. */
function mailbox({ db }: Store, path: string): string[] {
  MailboxWriter.open(path).close();
  const file = new DatabaseSync(path);
  const value = (sql: string) => Number(Object.values(file.prepare(sql).get() ?? { n: 0 })[0] ?? 0);
  const sound = Object.values(file.prepare("PRAGMA integrity_check").get() ?? {})[0];
  const acked = value("SELECT value FROM state WHERE key = 'acked'");
  const last = value("SELECT max(n) FROM row");
  file.close();
  const [session] = path.split("/").slice(-3);
  const known = db.get<{ cursor: number; last: number }>(
    "SELECT outbound_cursor AS cursor, last_number AS last FROM sessions WHERE id = ?",
    session ?? "",
  );
  // The folder of a run that was cleared away may outlive its row: folders are removed first, and never synced.
  if (!known && db.get("SELECT 1 FROM audit WHERE session = ?", session ?? "")) return [];
  return [
    ...(sound === "ok" ? [] : [`${path}: ${sound}`]),
    ...(acked <= (known?.cursor ?? 0)
      ? []
      : [`the runner of ${session} was told that its row ${acked} is taken, and it is not`]),
    ...(last <= (known?.last ?? 0) ? [] : [`row ${last} of ${session} is in the mailbox and was never accepted`]),
  ];
}
