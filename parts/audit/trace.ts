/** The chain of a record: from what it goes back to, down to what came of it. */
import type { AuditRecord } from "../../packages/audit-chain/record.ts";
import type { Records } from "./query.ts";

export interface Step {
  record: AuditRecord;
  /** 0 for what has no cause. */
  depth: number;
}

export interface Trace {
  /** In the order in which they are shown: each below its cause. */
  steps: Step[];
  /** There is more than was asked for. */
  more: boolean;
}

/** @param most how many steps at most */
export function traceOf(records: Pick<Records, "one" | "effects">, asked: AuditRecord, most: number): Trace {
  const above: AuditRecord[] = [];
  // A cause has a lower number, so this ends.
  for (let cause = asked.cause; cause !== null && above.length < most; ) {
    const record = records.one(cause);
    if (!record) break;
    above.unshift(record);
    cause = record.cause;
  }
  const steps: Step[] = above.map((record, depth) => ({ record, depth }));
  // A stack and not a recursion: how deep it goes is nobody's to choose. Two messages may share a turn, shown once.
  const seen = new Set<number>();
  const open: Step[] = [{ record: asked, depth: above.length }];
  for (let next = open.pop(); next; next = open.pop()) {
    if (seen.has(next.record.seq)) continue;
    if (steps.length >= most) return { steps, more: true };
    seen.add(next.record.seq);
    steps.push(next);
    const { depth } = next;
    const below = records.effects(next.record, most).map((record) => ({ record, depth: depth + 1 }));
    open.push(...below.reverse());
  }
  return { steps, more: false };
}
