/** What is promised to who says "/stop": what was said before ends now, what is said afterwards is not touched. */
import type { OutboundRow } from "../../protocol/rows.ts";
import type { Address } from "../../src/store/address.ts";
import type { Machine } from "./world/machine.ts";

/** Until a runner that takes messages up has surely seen a stop that was durable before, milliseconds. */
const SEEN = 10_000;
/** What ran when it was stopped has ended within this time, milliseconds: a frozen runner is given 90 s. */
const ENDED = 150_000;

interface Stop {
  session: string;
  /** The number of the latest message that was surely said before. */
  upTo: number;
  /** No message with a higher number was said before. */
  atMost: number;
  at: number;
}

export class Stops {
  readonly #machine: Machine;
  readonly #stops: Stop[] = [];
  /** When messages were taken up last, by session and number. */
  readonly #takenUp = new Map<string, number>();

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  /** What a stop at this moment is about, for who hears of it later with `done`. */
  latest({ channel, chat, thread }: Address): { session: string; upTo: number }[] {
    return this.#machine.look(
      `SELECT i.session_id AS session, max(i.number) AS upTo FROM inbox i JOIN sessions s ON s.id = i.session_id
       WHERE s.channel=? AND s.chat=? AND s.thread IS ? GROUP BY i.session_id`,
      ...[channel, chat, thread],
    );
  }

  /** The host has said that this is stopped; meanwhile more may have been said. */
  done(place: Address, asked: { session: string; upTo: number }[]): void {
    const now = new Map(this.latest(place).map(({ session, upTo }) => [session, upTo]));
    this.#add(asked.map(({ session, upTo }) => ({ session, upTo, atMost: now.get(session) ?? upTo })));
  }

  #add(stops: Omit<Stop, "at">[]): void {
    for (const stop of stops) this.#stops.push({ ...stop, at: this.#machine.world.time.now });
  }

  /** A platform was told that its "/stop" is taken. */
  accepted({ channel, chat, thread }: Address, platformId: string): void {
    this.#add(
      this.#machine.look(
        `SELECT i.session_id AS session, max(i.number) AS upTo, max(i.number) AS atMost FROM inbox i JOIN sessions s ON s.id = i.session_id
         WHERE s.channel=?1 AND s.chat=?2 AND s.thread IS ?3 AND i.event_id < (
           SELECT id FROM inbound_events WHERE channel=?1 AND chat=?2 AND platform_id=?4) GROUP BY i.session_id`,
        ...[channel, chat, thread, platformId],
      ),
    );
  }

  /** A runner has committed rows. */
  outboundCommitted(session: string, rows: OutboundRow[]): void {
    const { now } = this.#machine.world.time;
    for (const { body } of rows) {
      if (body.kind === "turn_started" || body.kind === "turn_fed") {
        for (const number of body.inbound) this.#takenUp.set(`${session}:${number}`, now);
      }
      if (body.kind !== "turn_ended" || body.outcome.status !== "done") continue;
      for (const number of body.acknowledges) this.#checkDone(session, number, now);
    }
  }

  #checkDone(session: string, number: number, now: number): void {
    const takenUp = this.#takenUp.get(`${session}:${number}`) ?? 0;
    for (const stop of this.#stops) {
      if (stop.session !== session || number > stop.upTo) continue;
      const what = `message ${number} of ${session}, stopped at ${stop.at} ms`;
      // What only rides along, such as that a message was taken back, is for the next turn to know.
      if (!this.#engages(session, number)) continue;
      if (takenUp > stop.at + SEEN) {
        this.#broken("a stopped message is not worked on again", `${what}, was taken up at ${takenUp} ms and answered`);
      } else if (now > stop.at + ENDED) {
        this.#broken("a stop ends what runs", `${what}, was answered at ${now} ms`);
      }
    }
  }

  #engages(session: string, number: number): boolean {
    const sql = "SELECT 1 FROM inbox WHERE session_id=? AND number=? AND engages=1";
    return this.#machine.look(sql, session, number).length > 0;
  }

  /** At the end of a run. */
  atTheEnd(): void {
    const ended = this.#machine.look<{ session: string; number: number; turn: number; known: number }>(
      `SELECT i.session_id AS session, i.number, i.turn, s.stopped_up_to AS known FROM inbox i
       JOIN sessions s ON s.id = i.session_id JOIN turns t ON t.session_id = i.session_id AND t.number = i.turn
       WHERE t.state = 'stopped'`,
    );
    for (const one of ended) {
      // Who asked may have died with the answer, so what the host knows counts as well.
      const limits = this.#stops.filter(({ session }) => session === one.session).map(({ atMost }) => atMost);
      if (one.number <= Math.max(one.known, ...limits)) continue;
      const what = `message ${one.number} of ${one.session} ended with turn ${one.turn}, and nobody had stopped it`;
      this.#broken("a stop ends only what was said before", what);
    }
  }

  #broken(promise: string, detail: string): void {
    this.#machine.world.broken(promise, detail);
  }
}
