/**
 * How many containers run at once. Sessions that want one wait in the order they asked; when none is free, the one
 * that has been idle longest is asked to make room.
 */
import type { SessionId } from "../lib/ids.ts";

export class Admission {
  readonly #limit: number;
  readonly #holders = new Set<SessionId>();
  readonly #queue: { session: SessionId; granted: () => void }[] = [];
  readonly #makeRoom: () => void;
  #open = true;

  /** @param makeRoom called when someone waits and no slot is free; it may free one later. */
  constructor(limit: number, makeRoom: () => void) {
    this.#limit = limit;
    this.#makeRoom = makeRoom;
  }

  get waiting(): number {
    return this.#queue.length;
  }

  /** How many ask before this session. */
  before(session: SessionId): number {
    return Math.max(
      this.#queue.findIndex((entry) => entry.session === session),
      0,
    );
  }

  /** Calls `granted` when a slot is free, now or later, in the order of asking. */
  ask(session: SessionId, granted: () => void): void {
    this.#queue.push({ session, granted });
    this.#serve();
    this.idle();
  }

  /** A holder has nothing to do: whoever waits may want its slot. */
  idle(): void {
    if (this.#queue.length > 0) this.#makeRoom();
  }

  /** Grants nothing until `open`: nobody knows yet how many containers run. */
  close(): void {
    this.#open = false;
  }

  open(): void {
    this.#open = true;
    this.#serve();
  }

  /** Takes a slot even where none is free: for containers that run already. */
  hold(session: SessionId): void {
    this.#holders.add(session);
  }

  leave(session: SessionId): void {
    const index = this.#queue.findIndex((entry) => entry.session === session);
    if (index >= 0) this.#queue.splice(index, 1);
  }

  release(session: SessionId): void {
    this.#holders.delete(session);
    this.#serve();
  }

  #serve(): void {
    while (this.#open && this.#holders.size < this.#limit) {
      const first = this.#queue.shift();
      if (!first) return;
      this.#holders.add(first.session);
      first.granted();
    }
  }
}
