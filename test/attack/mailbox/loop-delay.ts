/**
 * For how long this process's event loop is held up. Time in which the thread was ready to run and the machine's cores
 * were busy with other processes is no such thing: Linux counts it, and it is taken off.
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
  let waited = waitedForCore();
  const tick = () => {
    const now = performance.now();
    const late = Math.max(0, now - due);
    const waitedNow = waitedForCore();
    most = Math.max(most, late);
    mostOwn = Math.max(mostOwn, late - (waitedNow - waited));
    waited = waitedNow;
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

/** Milliseconds that the main thread has waited for a core so far; 0 where the system does not say. */
function waitedForCore(): number {
  try {
    return Number(readFileSync("/proc/self/schedstat", "utf8").split(" ")[1]) / 1e6;
  } catch {
    return 0;
  }
}
