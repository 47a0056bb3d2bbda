/** What the verbs of the audit log do: `audit.*`. They only read, and let others run while they read much. */
import { setImmediate as otherWork } from "node:timers/promises";
import { keyId } from "../../packages/audit-chain/head.ts";
import { lineOfHead, lineOfRecord } from "../../packages/audit-chain/lines.ts";
import type { AuditRecord } from "../../packages/audit-chain/record.ts";
import { ChainVerifier } from "../../packages/audit-chain/verify.ts";
import type { Audit } from "../../src/audit/audit.ts";
import type { Effects } from "../../src/control/execute.ts";
import type { Clock } from "../../src/lib/clock.ts";
import { Misuse, messageOf } from "../../src/lib/errors.ts";
import type { Followers } from "./followers.ts";
import type { HeadFile, HeadTable } from "./heads.ts";
import type { Keys } from "./keys.ts";
import type { Records } from "./query.ts";
import type { Signer } from "./signer.ts";
import { traceOf } from "./trace.ts";
import { momentOf } from "./when.ts";
import { inWords } from "./words.ts";

export interface AuditEffectParts {
  audit: Audit;
  clock: Clock;
  records: Records;
  keys: Keys;
  table: HeadTable;
  file: HeadFile;
  signer: Signer;
  followers: Followers;
}

/** Problems that are named one by one. */
const MOST_PROBLEMS = 5;
/** Records that a follower is handed at a time. */
const BATCH = 100;

type AuditVerb = "list" | "trace" | "follow" | "export" | "verify" | "key";

export function auditEffects(parts: AuditEffectParts): Pick<Effects, `audit.${AuditVerb}`> {
  const { audit, clock, records, keys, table, file, signer, followers } = parts;
  return {
    "audit.list": ({ limit, since, until, ...filter }) => {
      if (filter.turn !== undefined && filter.session === undefined)
        throw new Misuse("a turn is one of a session", "Say which with --session; `ncl sessions list` shows them.");
      const moments = Object.entries({ since, until }).flatMap(([name, text]) =>
        text === undefined ? [] : [[name, momentOf(text, clock.now())]],
      );
      return records.latest({ ...filter, ...Object.fromEntries(moments) }, limit).map(shown);
    },

    "audit.trace": ({ record, limit }) => {
      const asked = records.one(record);
      if (!asked) throw new Misuse(`there is no record ${record}`, "`ncl audit list` shows them.");
      const { steps, more } = traceOf(records, asked, limit);
      return {
        steps: steps.map((step) => ({ ...shown(step.record), depth: step.depth, text: inWords(step.record) })),
        more,
      };
    },

    "audit.follow": async function* ({ after }, { signal }) {
      const wake = followers.add(signal);
      try {
        for (let from = after ?? records.last; !signal.aborted; ) {
          const page = records.next(from, BATCH);
          for (const record of page) {
            from = record.seq;
            yield shown(record);
          }
          if (page.length === 0) await wake.next();
        }
      } finally {
        wake.end();
      }
    },

    "audit.export": async function* (_args, { signal }) {
      signer.sign();
      const { last } = records;
      yield* [...signer.kept].map(lineOfHead);
      for (const page of audit.pages()) {
        for (const record of page) if (record.seq <= last) yield lineOfRecord(record);
        await otherWork();
        if (signal.aborted || (page.at(-1)?.seq ?? 0) >= last) return;
      }
    },

    "audit.verify": async (_args, { signal }) => {
      signer.sign();
      const notes = [...keys.troubles];
      let inFile = signer.kept;
      try {
        inFile = file.read();
      } catch (error) {
        notes.push(messageOf(error));
      }
      const verifier = new ChainVerifier([table.all(), inFile], keys.publicKeys);
      for (const page of audit.pages()) {
        if (!page.every((record) => verifier.take(record))) break;
        await otherWork();
        signal.throwIfAborted();
      }
      const { records: count, head, signedUpTo, findings } = verifier.end();
      const problems = findings
        .slice(0, MOST_PROBLEMS)
        .map(({ seq, why }) => (seq > 0 ? `record ${seq}: ${why}` : why));
      return {
        ...{ ok: findings.length === 0, records: count, head, signedUpTo },
        problem: problems.length > 0 ? problems.join("; ") : null,
        note: notes.length > 0 ? notes.join("; ") : null,
      };
    },

    "audit.key": () => {
      const [key] = keys.publicKeys;
      if (!keys.privateKey || !key)
        throw new Misuse("there is no key that signs the audit log", keys.troubles.join("; "));
      const publicKey = key.export({ type: "spki", format: "pem" }).toString();
      return { key: keyId(key), file: keys.publicFile, publicKey };
    },
  };
}

const shown = ({ seq, cause, at, actor, verb, resource, decision, session, turn, detail }: AuditRecord) => ({
  ...{ n: seq, cause, at, actor, verb, resource, decision, session, turn, detail },
});
