/**
 * Questions put to people: where they are kept, shown, answered and ended. Other parts ask by the contract of
 * src/approvals, and register what they ask before the start.
 */
import type { Store } from "../../src/store/store.ts";
import { Questions, type QuestionsParts } from "./approvals.ts";
import { approvalEffects } from "./effects.ts";
import { History } from "./history.ts";

export interface ApprovalsPart {
  approvals: Questions;
  effects: ReturnType<typeof approvalEffects>;
}

export function approvalsPart(parts: Omit<QuestionsParts, "history"> & { store: Store }): ApprovalsPart {
  const history = new History(parts.store.db);
  const approvals = new Questions({ ...parts, history });
  return { approvals, effects: approvalEffects(parts.store, history, approvals) };
}
