/** What a cut-off turn had already done, from the host's own records, told to the turn that takes its work up again. */
import type { SessionId } from "../lib/ids.ts";
import type { ToolUse, Turns } from "../store/turns.ts";

const MOST = 30;

/** @returns one line for each tool that the last interrupted turn used, in order. */
export function alreadyDone(turns: Turns, session: SessionId): string[] {
  const turn = turns.lastInterrupted(session);
  return turn === null ? [] : turns.tools(session, turn, MOST).map(line);
}

function line({ name, summary, state }: ToolUse): string {
  const outcome = state === "started" ? "was begun, its end is not known" : state === "ok" ? "ended well" : "failed";
  return `${name} (${summary}) ${outcome}`.slice(0, 1000);
}
