/**
 * Takes rows of a runner into the central database. One transaction takes them all and moves the cursor, so a row
 * counts once or not at all. What a row claims is checked against what the database knows: a runner is not trusted.
 */
import type { OutboundRow } from "../../protocol/rows.ts";
import type { Audit } from "../audit/audit.ts";
import type { Session } from "../store/sessions.ts";
import type { Store } from "../store/store.ts";
import { explain, STOPPED, WITHOUT_ANSWER } from "./notices.ts";
import type { Tripwire } from "./tripwire.ts";

export type Applied = { type: "turn_began" } | { type: "turn_ended" } | { type: "answered" };

/**
 * Carries out a verb that an agent asked for, as part of the open transaction, and says it to the agent: what came of it,
 * or why it was not done. Throws only where nothing could be written.
 */
export type CarryOut = (call: AgentCall) => { ok: boolean; text: string };

export interface AgentCall {
  session: Session;
  turn: number;
  /** The number of the row that asks: what the verb makes may be known by it. */
  number: number;
  verb: string;
  args: Record<string, unknown>;
}

/** Verbs of one turn; their answers are kept until it ends. */
const MOST_CALLS = 1_000;
/** Tools of one turn that are recorded one by one. */
const MOST_TOOLS = 500;
/** Characters of a tool's name that go into a record. */
const MOST_NAME = 100;

/** Thrown inside the transaction, so nothing of that batch counts: the runner broke the protocol. */
export class ProtocolViolation extends Error {
  override readonly name = "ProtocolViolation";
}

export interface ApplyParts {
  store: Store;
  audit: Audit;
  carryOut: CarryOut;
  tripwire: Tripwire;
}

/** @returns what happened, in order, for the session's state machine. @throws ProtocolViolation */
export function applyRows(parts: ApplyParts, session: Session, rows: OutboundRow[], now: number): Applied[] {
  const { store } = parts;
  return store.db.transaction(() => {
    const applied: Applied[] = [];
    // Where it speaks may have changed since. What came together is of one chat: it is given nothing of the next before.
    const current = store.sessions.session(session.id) ?? session;
    let cursor = current.outboundCursor;
    for (const row of rows) {
      if (row.n <= cursor) continue;
      if (row.n % 2 === 0) throw new ProtocolViolation(`row ${row.n} has a number of the host's side`);
      cursor = row.n;
      const event = applyRow(parts, current, row, now);
      if (event) applied.push(event);
    }
    store.sessions.setCursor(session.id, cursor);
    return applied;
  });
}

function applyRow(parts: ApplyParts, session: Session, row: OutboundRow, now: number): Applied | null {
  const { store, audit } = parts;
  const { body } = row;
  const note: Note = (verb, turn, cause, detail) => {
    const { id, agentGroup } = session;
    const where = { resource: `session:${id}`, session: id, turn, cause };
    return audit.append({ actor: `agent:${agentGroup}`, verb, decision: "fact", ...where, detail });
  };
  if (body.kind === "turn_started") {
    if (store.turns.running(session.id) !== null) throw new ProtocolViolation(`turn ${row.n} starts inside another`);
    const cause = store.inbox.record(session.id, body.inbound.at(-1) ?? 0);
    store.turns.start(session.id, row.n, now, note("turn.start", row.n, cause, { messages: body.inbound }));
    takeIn(store, session, body.inbound, row.n);
    return { type: "turn_began" };
  }
  if (store.turns.running(session.id) !== body.turn) {
    throw new ProtocolViolation(`row ${row.n} speaks of turn ${body.turn}, which does not run`);
  }
  switch (body.kind) {
    case "turn_fed": {
      const cause = store.inbox.record(session.id, body.inbound.at(-1) ?? 0);
      if (body.inbound.length > 0) note("turn.feed", body.turn, cause, { messages: body.inbound });
      takeIn(store, session, body.inbound, body.turn);
      return null;
    }
    case "tool_started": {
      const { turn, call, name } = body;
      const record = store.turns.hasTools(session.id, turn, MOST_TOOLS)
        ? null
        : note("tool.start", turn, store.turns.record(session.id, turn), { tool: name.slice(0, MOST_NAME) });
      store.turns.startTool(session.id, turn, call, name, body.summary, record);
      return null;
    }
    case "tool_ended": {
      const begun = store.turns.endTool(session.id, body.turn, body.call, body.ok);
      if (begun !== null) note("tool.end", body.turn, begun, { ok: body.ok });
      return null;
    }
    case "verb": {
      const { turn, verb } = body;
      const args = parts.tripwire.cut(session, `what it wanted by ${verb}`, body.args);
      if (store.calls.count(session.id) >= MOST_CALLS) throw new ProtocolViolation(`turn ${turn} asks without end`);
      const outcome = parts.carryOut({ session, turn, number: row.n, verb, args });
      store.calls.add(session.id, row.n, turn, store.sessions.nextNumber(session.id, now), outcome);
      return { type: "answered" };
    }
    case "turn_ended": {
      const outcome = parts.tripwire.cut(session, "its answer", body.outcome);
      endTurn(store, session, row.n, { ...body, outcome }, now);
      note("turn.end", body.turn, store.turns.record(session.id, body.turn), {
        ...{ turn: body.turn, status: body.outcome.status, messages: body.acknowledges, usage: body.usage },
      });
      return { type: "turn_ended" };
    }
  }
}

function takeIn(store: Store, session: Session, numbers: number[], turn: number): void {
  const strangers = store.inbox.intoTurn(session.id, numbers, turn);
  if (strangers.length > 0)
    throw new ProtocolViolation(`turn ${turn} took up message ${strangers[0]}, which was not waiting`);
}

/** Appends a record of this session; part of the open transaction. @returns its number */
type Note = (verb: string, turn: number, cause: number | null, detail: Record<string, unknown>) => number;

const isTask = (userId: string) => userId.startsWith("task:");

type TurnEnded = Extract<OutboundRow["body"], { kind: "turn_ended" }>;

function endTurn(store: Store, session: Session, number: number, body: TurnEnded, now: number): void {
  const { outcome, turn } = body;
  const failed = outcome.status === "error";
  store.turns.end(
    session.id,
    turn,
    outcome.status,
    now,
    failed ? `${outcome.class}: ${outcome.message}` : null,
    body.usage,
  );
  const asked = store.inbox.unfinished(session.id).some((row) => row.turn === turn && !isTask(row.userId));
  const answers = store.inbox.finish(session.id, body.acknowledges, turn, failed ? "failed" : "done");
  store.inbox.endContext(session.id, Math.max(0, ...body.acknowledges));
  // What was fed to the turn and not acknowledged by it waits for the next one, as if it had just come.
  for (const row of store.inbox.unfinished(session.id)) {
    if (row.turn === turn) store.inbox.release(session.id, row.number);
  }
  if (body.continuation) store.sessions.setContinuation(session.id, body.continuation);
  store.calls.forget(session.id, turn);
  // The first thing that is said takes the place of what was shown while it was written.
  let over = store.outbox.closeDraft(session.id, now);
  const say = (author: "agent" | "system", text: string, part: string) => {
    store.outbox.add(
      {
        sessionId: session.id,
        turn,
        address: session,
        ...{ author, text, answers, over },
        ...(author === "agent" && { number }),
        key: `${session.id}:${turn}:${part}`,
      },
      now,
    );
    over = null;
  };
  if (outcome.status === "error") say("system", explain(outcome.class, outcome.message), "error");
  else {
    if (outcome.text.trim()) say("agent", outcome.text, "final");
    if (outcome.status === "stopped") say("system", STOPPED, "stopped");
    // A scheduled task may find that there is nothing to say; a person, or a draft, is never left without a word.
    else if (!outcome.text.trim() && (asked || over !== null)) say("system", WITHOUT_ANSWER, "final");
  }
}
