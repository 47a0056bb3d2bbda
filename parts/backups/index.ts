/**
 * The first start after a restore. What was on its way when the backup was made has long arrived, or nobody waits for it
 * any more: nothing of it is sent or answered again by itself, and a person is told what there was.
 */
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { tellOwner } from "../../src/access/owner.ts";
import type { Audit } from "../../src/audit/audit.ts";
import type { Clock } from "../../src/lib/clock.ts";
import type { SessionId } from "../../src/lib/ids.ts";
import type { Log } from "../../src/lib/log.ts";
import type { Store } from "../../src/store/store.ts";

const note = z.object({ madeAt: z.int() });

export interface RestoredParts {
  store: Store;
  audit: Audit;
  clock: Clock;
  log: Log;
  /** Where a restore leaves its note. */
  data: string;
}

const WHY = "it was on its way when the backup was made that this was restored from";

/** To be called before anything starts. */
export function settleRestored({ store, audit, clock, log, data }: RestoredParts): void {
  const file = join(data, "restored.json");
  if (!existsSync(file)) return;
  const { madeAt } = note.parse(JSON.parse(readFileSync(file, "utf8")));
  const now = clock.now();
  store.db.transaction(() => {
    const open = store.db.all<{ id: number }>("SELECT id FROM outbox WHERE state IN ('pending','sending','retry')");
    for (const { id } of open) store.outbox.end(id, "unknown", WHY, now);
    const waiting = store.db.all<{ id: SessionId }>(
      "SELECT DISTINCT session_id AS id FROM inbox WHERE state IN ('queued','in_turn')",
    );
    const unanswered = waiting.reduce((sum, { id }) => sum + endAll(store, id), 0);
    store.db.run("UPDATE turns SET state='interrupted', ended_at=?, error=? WHERE state='running'", now, WHY);
    const detail = { madeAt, unsent: open.length, unanswered };
    audit.append({ actor: "operator", verb: "backup.restore", resource: "host", decision: "fact", detail });
    if (open.length + unanswered > 0)
      tellOwner(store, `restored:${madeAt}`, inWords(open.length, unanswered), null, now);
    store.db.afterCommit(() => rmSync(file));
    log.warn(detail, "this installation was restored from a backup");
  });
}

/** A conversation over many chats ends them chat by chat. */
function endAll(store: Store, id: SessionId): number {
  let count = 0;
  for (let ended = 1; ended > 0; count += ended) ended = store.inbox.endAll(id, "failed").length;
  return count;
}

function inWords(unsent: number, unanswered: number): string {
  const sent = `${unsent} messages that were on their way then are not sent again (\`ncl outbox list --state unknown\` shows them)`;
  const answered = `${unanswered} that had no answer yet get none: say again what still matters`;
  return `NanoClaw was restored from a backup. ${sent}; ${answered}.`;
}
