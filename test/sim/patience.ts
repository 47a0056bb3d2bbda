/** The promise that nobody waits in silence: what no turn takes up is answered with a notice in time. */
import { PATIENCE } from "../../src/sessions/deadlines.ts";
import type { Machine } from "./world/machine.ts";

/** How often it is looked, and how much later than promised a notice may come, milliseconds. */
const EVERY = 10_000;
const MARGIN = 30_000;

/** Looks again and again, for as long as the run lasts. */
export function watchPatience(machine: Machine): void {
  const { world, host, disk } = machine;
  /** Since when each message has been waiting without a word, while the host could have said one. */
  let waiting = new Map<string, number>();
  const look = () => {
    world.time.after(world.outside, EVERY, look);
    const { now } = world.time;
    if (!host.running?.life.alive || disk.isFull) {
      waiting = new Map();
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
  };
  look();
}
