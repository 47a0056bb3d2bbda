/** The promise that nobody waits in silence: what no turn takes up is answered with a notice in time, and no notice waits in a queue. */
import { PATIENCE } from "../../src/sessions/deadlines.ts";
import type { Machine } from "./world/machine.ts";

/** How often it is looked, and how much later than promised a notice may come, milliseconds. */
const EVERY = 10_000;
const MARGIN = 30_000;
/** Until a notice that could go was at least tried, milliseconds: longer than a database that was full is left alone. */
const TRIED = 15_000;

/** Looks again and again, for as long as the run lasts. */
export function watchPatience(machine: Machine): void {
  const { world, host, disk } = machine;
  /** Since when each message has been waiting without a word, while the host could have said one. */
  let waiting = new Map<string, number>();
  /** Since when each notice that was never tried is the first of its kind in its conversation. */
  let untried = new Map<number, number>();
  const look = () => {
    world.time.after(world.outside, EVERY, look);
    const { now } = world.time;
    if (!host.running?.life.alive || disk.isFull) {
      waiting = new Map();
      untried = new Map();
      return;
    }
    const since = host.running.since;
    const before = waiting;
    const names = machine
      .look<{ name: string }>(
        `SELECT session_id || ':' || number || ':' || attempt AS name FROM inbox
         WHERE state = 'queued' AND engages = 1 AND told = 0`,
      )
      .map(({ name }) => name);
    waiting = new Map(names.map((name) => [name, Math.max(before.get(name) ?? now, since)]));
    for (const [name, from] of waiting) {
      if (now - from > PATIENCE + MARGIN) {
        world.broken("nobody waits in silence", `message ${name} has waited since ${from} ms without a word`);
      }
    }
    const first = machine.look<{ id: number; tries: number }>(
      `SELECT id, tries, min(position) FROM outbox WHERE notice = 1 AND state IN ('pending','sending','retry')
       GROUP BY channel, chat, thread`,
    );
    const known = untried;
    untried = new Map(
      first.filter(({ tries }) => tries === 0).map(({ id }) => [id, Math.max(known.get(id) ?? now, since)]),
    );
    for (const [id, from] of untried) {
      if (now - from > TRIED) world.broken("a notice does not wait behind messages", `row ${id}, since ${from} ms`);
    }
    // What a person lets through late stands beside what was said meanwhile.
    const notices = machine
      .look<{ key: string; words: string }>(
        `SELECT key, json_array(channel, chat, thread, text) AS words FROM outbox
         WHERE notice = 1 AND answers = '[]' AND state IN ('pending','sending','retry')`,
      )
      .filter((one) => !machine.guarding.isLate(one))
      .map(({ words }) => words);
    const equal = notices.find((words, at) => notices.indexOf(words) !== at);
    if (equal) world.broken("equal notices that wait are one", equal);
  };
  look();
}
