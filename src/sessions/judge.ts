/**
 * After a container has ended and everything it left was taken: what becomes of the turn it was in and of the rows
 * that it never took up. Runs in one transaction and writes the notices that people get.
 */
import type { Audit } from "../audit/audit.ts";
import type { SessionId } from "../lib/ids.ts";
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
    const stopped = endStopped(store, session.id, turn, now);
    if (turn === null) {
      if (idleDeaths < MAX_IDLE_DEATHS) return;
      const answers = store.inbox.endAll(session.id, "failed");
      if (answers.length > 0) end(givenUp(cause, idleDeaths), `dead:${now}`, answers);
      return;
    }
    store.turns.end(session.id, turn, stopped ? "stopped" : "interrupted", now, cause, null);
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

/**
 * Ends what was stopped, and says so in each chat where it was said; part of the open transaction.
 * @param turn the one that was stopped, whose draft gives its place away; null where only what waits is to end
 * @param from the first number that may end
 * @returns whether there was any
 */
export function endStopped(store: Store, id: SessionId, turn: number | null, now: number, from = 0): boolean {
  const upTo = store.sessions.stoppedUpTo(id);
  for (let chats = 0; ; chats += 1) {
    const address = store.sessions.session(id);
    const answers = store.inbox.endAll(id, "done", upTo, from);
    if (!address || answers.length === 0) return chats > 0;
    const over = from === 0 && chats === 0 ? store.outbox.closeDraft(id, now) : null;
    const key = `${id}:stopped:${upTo}:${from}:${chats}`;
    store.outbox.add({ sessionId: id, turn, address, author: "system", text: STOPPED, answers, over, key }, now);
  }
}
