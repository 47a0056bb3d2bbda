/**
 * Shows what is being written. Where a platform has no means of its own for that, a message is sent once, changed while
 * the text grows, and the answer takes its place: sending it and the answer are outbox rows, the changes between are not
 * kept and may be dropped.
 */
import type { Progress } from "../../protocol/rows.ts";
import type { FlowGuard } from "../access/flow-guard.ts";
import { type Channel, type OutgoingMessage, STOP_BUTTON } from "../channels/channel.ts";
import { type Clock, sleep, type Timer } from "../lib/clock.ts";
import { Retryable } from "../lib/errors.ts";
import type { SessionId } from "../lib/ids.ts";
import { addressOf } from "../store/address.ts";
import type { Session } from "../store/sessions.ts";
import type { Store } from "../store/store.ts";
import { roomIn } from "./room.ts";

/** An answer that is there within this time is not drafted, milliseconds. */
const FIRST_AFTER = 1_500;
/** Between two changes of a draft, and between two signs that the agent is at work, milliseconds. */
const EVERY = 3_000;
const TYPING_EVERY = 4_000;
/** An answer waits so long at most for a change that is under way, milliseconds. */
const LAST_CHANGE = 10_000;

interface Shown {
  turn: number;
  since: number;
  typedAt: number;
  changedAt: number;
  /** The longer pause that the platform asked for, milliseconds. */
  asked: number;
  text: string;
  timer: Timer | null;
}

export interface DraftParts {
  store: Store;
  clock: Clock;
  channel(id: string): Channel | undefined;
  guard: Pick<FlowGuard, "say">;
}

export class Drafts {
  readonly #parts: DraftParts;
  readonly #shown = new Map<SessionId, Shown>();
  /** The change that is under way; it may outlast the turn whose draft it is. */
  readonly #changing = new Map<SessionId, Promise<void>>();

  constructor(parts: DraftParts) {
    this.#parts = parts;
  }

  /** The running turn of a session came so far. Never throws, never waits. */
  show(session: Session, progress: Progress): void {
    try {
      this.#show(session, progress);
    } catch {
      // Neither a channel's mistake nor a full disk is the runner's fault; the answer is what counts.
    }
  }

  #show(session: Session, { turn, text, activity }: Progress): void {
    const { store, clock, guard } = this.#parts;
    const channel = this.#parts.channel(session.channel);
    if (!channel || store.turns.running(session.id) !== turn) return;
    const address = addressOf(session);
    if (channel.draft) {
      const said = guard.say(session.id, text, channel.capabilities.previews);
      const done = guard.say(session.id, activity, channel.capabilities.previews);
      if (said.held || done.held) return;
      channel.draft(address, { turn: `${session.id}:${turn}`, text: said.text, activity: done.text });
      return;
    }
    const now = clock.now();
    const shown = this.#of(session.id, turn, now);
    if (left(TYPING_EVERY, shown.typedAt, now) === 0) {
      shown.typedAt = now;
      channel.typing?.(address);
    }
    if (!channel.edit || !channel.capabilities.edits || text.trim() === "") return;
    shown.text = draftText(text, activity, roomIn(channel));
    const wait = Math.max(left(FIRST_AFTER, shown.since, now), left(EVERY + shown.asked, shown.changedAt, now));
    shown.timer ??= clock.after(wait, () => {
      shown.timer = null;
      try {
        this.#change(session, channel, shown);
      } catch {
        // Without room on the disk there is no draft.
      }
    });
  }

  /** Resolves when no change of the session's draft is under way any more; none follows until its next turn. */
  async settled(session: SessionId | null): Promise<void> {
    if (!session) return;
    this.#shown.get(session)?.timer?.cancel();
    this.#shown.delete(session);
    const changing = this.#changing.get(session);
    if (changing) await Promise.race([changing, sleep(this.#parts.clock, LAST_CHANGE)]);
  }

  #of(session: SessionId, turn: number, now: number): Shown {
    const known = this.#shown.get(session);
    if (known?.turn === turn) return known;
    known?.timer?.cancel();
    const shown: Shown = { turn, since: now, typedAt: 0, changedAt: 0, asked: 0, text: "", timer: null };
    this.#shown.set(session, shown);
    return shown;
  }

  #change(session: Session, channel: Channel, shown: Shown): void {
    const { store, clock, guard } = this.#parts;
    if (this.#shown.get(session.id) !== shown || store.turns.running(session.id) !== shown.turn) return;
    const spoken = guard.say(session.id, shown.text, channel.capabilities.previews);
    if (spoken.held) return;
    const { text } = spoken;
    const address = addressOf(session);
    const draft = store.outbox.openDraft(session.id);
    Object.assign(shown, { changedAt: clock.now(), asked: 0 });
    if (!draft) {
      const key = `${session.id}:${shown.turn}:draft`;
      const said = { sessionId: session.id, turn: shown.turn, author: "agent", kind: "draft" } as const;
      store.outbox.add({ ...said, address, text, key, buttons: [STOP_BUTTON] }, clock.now());
      return;
    }
    if (draft.state !== "sent" || !draft.platformId || this.#changing.has(session.id)) return;
    const buttons = channel.capabilities.buttons ? [STOP_BUTTON] : [];
    const message: OutgoingMessage = { text, author: "agent", answers: [], files: [], buttons };
    const changing = channel.edit?.(address, draft.platformId, message);
    const ended = (changing ?? Promise.resolve())
      .catch((error: unknown) => {
        if (error instanceof Retryable) shown.asked = error.after ?? 0;
      })
      .then(() => void this.#changing.delete(session.id));
    this.#changing.set(session.id, ended);
  }
}

/** What is left of a pause since a time on the wall's clock: all of it at most, for that clock may have been set back. */
function left(pause: number, since: number, now: number): number {
  return Math.min(Math.max(pause - (now - since), 0), pause);
}

/** Never longer than one message: of a draft in parts only the first would give way to its answer. */
function draftText(text: string, activity: string, maxLength: number): string {
  const tail = activity ? `\n\n(${activity.slice(0, Math.min(200, maxLength >> 2)).toWellFormed()} …)` : " …";
  const room = maxLength - tail.length - 1;
  return (text.length > room ? `…${text.slice(-room).toWellFormed()}` : text) + tail;
}
