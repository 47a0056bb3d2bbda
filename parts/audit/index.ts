/**
 * The audit log for people: who reads, follows and exports it, signs its head and tells when it is not what was signed. And
 * the door's book in it. Nothing here is on the way of a message but what the door records.
 */
import { join } from "node:path";
import { tellOwner } from "../../src/access/owner.ts";
import { messageOf } from "../../src/lib/errors.ts";
import { auditEffects } from "./effects.ts";
import { Followers } from "./followers.ts";
import { HeadFile, HeadTable } from "./heads.ts";
import { openKeys } from "./keys.ts";
import { Records } from "./query.ts";
import { RequestBook, type RequestParts } from "./requests.ts";
import { Signer } from "./signer.ts";

export interface AuditBookParts extends RequestParts {
  /** The folder of keys. */
  config: string;
}

export interface AuditBook {
  requests: RequestBook;
  effects: ReturnType<typeof auditEffects>;
  /** To be called before anything is recorded. */
  start(): void;
  /** To be called when nothing is recorded any more. */
  stop(): void;
}

export function auditBook(parts: AuditBookParts): AuditBook {
  const { store, audit, clock, log, config } = parts;
  const keys = openKeys(config);
  const table = new HeadTable(store.db);
  const file = new HeadFile(join(config, "audit.heads"));
  const signer = new Signer({ db: store.db, clock, log, keys, table, file });
  const followers = new Followers();
  const requests = new RequestBook(parts);
  audit.onCommit(() => {
    signer.onCommit();
    followers.onCommit();
  });

  /** What is wrong is said wherever somebody may look: it stops nothing. */
  function alarm(found: string[]): void {
    for (const trouble of found) log.error({ trouble }, "the audit log is not as it should be");
    const text = `Something is wrong with the audit log: ${found.join("; ")}. \`ncl audit verify\` checks all of it.`;
    try {
      store.db.transaction(() => {
        audit.append({ actor: "system", verb: "audit.alarm", resource: "audit", decision: "fact", detail: { found } });
        tellOwner(store, "audit", text, null, clock.now());
      });
    } catch (error) {
      log.error({ error: messageOf(error) }, "the owner could not be told");
    }
  }

  return {
    requests,
    effects: auditEffects({ audit, clock, records: new Records(store.db), keys, table, file, signer, followers }),
    start() {
      const found = signer.start();
      if (found.length > 0) alarm(found);
    },
    stop() {
      requests.close();
      try {
        audit.flush();
      } catch (error) {
        log.error({ error: messageOf(error) }, "refusals that repeated are not counted in the audit log");
      }
      signer.stop();
    },
  };
}
