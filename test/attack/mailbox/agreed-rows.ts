/** Rows whose every byte follows from their number, so that either side can tell a torn or missed row from a good one. */
import type { InboundBody, OutboundBody } from "../../../protocol/rows.ts";

export function outboundOf(n: number): OutboundBody {
  if (n % 14 !== 1) return { kind: "tool_started", turn: n, call: `${n}`, name: "Bash", summary: filler(n, 450) };
  const outcome = { status: "done" as const, text: filler(n, 3_000) };
  return { kind: "turn_ended", turn: n, outcome, acknowledges: [n + 1], continuation: null, usage: null };
}

export function inboundOf(n: number): InboundBody {
  const said = { at: "2026-01-01T00:00:00Z", from: "someone", author: "person" as const, stranger: false };
  const news = { change: "said" as const, about: null, files: [], receipts: [], script: null };
  return { kind: "message", ...said, text: filler(n, 2_000), ...news, engages: true, attempt: 1, alreadyDone: [] };
}

function filler(n: number, most: number): string {
  return `${n} `.repeat((n * 7919) % Math.floor(most / 10));
}

/** Follows one side's rows: each must be the next and be what its number says. */
export class Follower<Body> {
  readonly #expected: (n: number) => Body;
  last: number;
  rows = 0;
  readonly faults: string[] = [];

  /** @param last the number before the first row */
  constructor(expected: (n: number) => Body, last: number) {
    this.#expected = expected;
    this.last = last;
  }

  /** @param read an ok read; a commit states in `state.last` the highest number that it put, so half a commit shows */
  take(read: {
    rows: { n: number; body: Body }[];
    refused: unknown[];
    more: boolean;
    state: Record<string, string>;
  }): void {
    for (const { n, body } of read.rows) {
      if (n !== this.last + 2) this.#fault(`row ${n} came after ${this.last}`);
      if (JSON.stringify(body) !== JSON.stringify(this.#expected(n))) this.#fault(`row ${n} is torn`);
      this.last = n;
      this.rows += 1;
    }
    if (read.refused.length > 0) this.#fault(`refused: ${JSON.stringify(read.refused)}`);
    const stated = Number(read.state.last ?? this.last);
    if (!read.more && stated !== this.last) this.#fault(`half a commit: rows to ${this.last}, state to ${stated}`);
  }

  #fault(what: string): void {
    if (this.faults.length < 10) this.faults.push(what);
  }
}
