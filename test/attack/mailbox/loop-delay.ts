/**
 * For how long this process's event loop is held up. Time in which the thread was ready to run and the machine's cores
 * were busy with other processes is no such thing. Some kernels count it, and it is taken off; of others only the thread's
 * own time on a core is taken, and what it waits for a disk is not seen.
 */
import { readFileSync } from "node:fs";

const EVERY_MS = 5;

export interface LoopDelay {
  /** Stops measuring. @returns milliseconds: the longest delay, and the longest that was the process's own */
  stop(): { most: number; mostOwn: number };
}

export function watchLoop(): LoopDelay {
  let most = 0;
  let mostOwn = 0;
  let due = performance.now() + EVERY_MS;
  const counts = waitedForCore() > 0;
  let waited = waitedForCore();
  let worked = workedFor();
  const tick = () => {
    const now = performance.now();
    const late = Math.max(0, now - due);
    const waitedNow = waitedForCore();
    most = Math.max(most, late);
    const workedNow = workedFor();
    mostOwn = Math.max(mostOwn, counts ? late - (waitedNow - waited) : Math.min(late, workedNow - worked));
    [waited, worked] = [waitedNow, workedNow];
    due = now + EVERY_MS;
  };
  const timer = setInterval(tick, EVERY_MS);
  return {
    stop() {
      tick();
      clearInterval(timer);
      return { most, mostOwn };
    },
  };
}

/** Milliseconds that this thread has spent on a core so far. */
function workedFor(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

/** Milliseconds that the main thread has waited for a core so far; 0 where the system does not say. */
function waitedForCore(): number {
  try {
    return Number(readFileSync("/proc/self/schedstat", "utf8").split(" ")[1]) / 1e6;
  } catch {
    return 0;
  }
}
