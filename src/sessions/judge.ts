/**
 * After a container has ended and everything it left was taken: what becomes of the turn it was in and of the rows
 * that it never took up. Runs in one transaction and writes the notices that people get.
 */
import type { Audit } from "../audit/audit.ts";
import type { Session } from "../store/sessions.ts";
import type { Store } from "../store/store.ts";
import { givenUp, interrupted, STOPPED } from "./notices.ts";

/** How often a message may be in a turn that is cut off. */
export const MAX_ATTEMPTS = 3;
/** How many containers in a row may end without taking a message up, before the messages are given up. */
export const MAX_IDLE_DEATHS = 5;

/**
 * @param cause why the container ended, in words for people
 * @param idleDeaths containers of this session in a row, this one included, that ended without taking anything up
 */
export function judge(
  store: Store,
  audit: Audit,
  session: Session,
  cause: string,
  idleDeaths: number,
  now: number,
): void {
  store.db.transaction(() => {
    const turn = store.turns.running(session.id);
    if (turn !== null) store.calls.forget(session.id, turn);
    const said = (text: string, key: string) => ({
      ...{ sessionId: session.id, turn, address: session, text },
      key: `${session.id}:${key}`,
    });
    const end = (text: string, key: string, answers: string[]) => {
      const over = store.outbox.closeDraft(session.id, now);
      store.outbox.add({ ...said(text, key), author: "system", answers, over }, now);
    };
    const upTo = store.sessions.stoppedUpTo(session.id);
    const stopped = store.inbox.endAll(session.id, "done", upTo);
    if (stopped.length > 0) end(STOPPED, `stopped:${upTo}`, stopped);
    if (turn === null) {
      if (idleDeaths < MAX_IDLE_DEATHS) return;
      const answers = store.inbox.endAll(session.id, "failed");
      if (answers.length > 0) end(givenUp(cause, idleDeaths), `dead:${now}`, answers);
      return;
    }
    store.turns.end(session.id, turn, stopped.length > 0 ? "stopped" : "interrupted", now, cause, null);
    const rows = store.inbox.unfinished(session.id).filter((row) => row.turn === turn);
    const spent = rows.filter((row) => row.attempt >= MAX_ATTEMPTS);
    const again = rows.filter((row) => row.attempt < MAX_ATTEMPTS);
    const failed = store.inbox.finish(
      session.id,
      spent.map((row) => row.number),
      turn,
      "failed",
    );
    for (const row of again) store.inbox.requeue(session.id, row.number);
    if (failed.length > 0) end(givenUp(cause, MAX_ATTEMPTS), `${turn}:given-up`, failed);
    if (again.length > 0) {
      const attempt = Math.max(...again.map((row) => row.attempt)) + 1;
      store.outbox.notify(said(interrupted(cause, attempt, MAX_ATTEMPTS), `${turn}:interrupted`), now);
    }
    audit.append({
      actor: "system",
      verb: "turn.interrupt",
      resource: `session:${session.id}`,
      decision: "fact",
      ...{ session: session.id, turn, cause: store.turns.record(session.id, turn) },
      detail: { turn, cause, again: again.length, failed: failed.length },
    });
  });
}
