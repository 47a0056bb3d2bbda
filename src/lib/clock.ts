/** Time as a port: the host never calls Date.now() or setTimeout() itself, so that it can be simulated. */

export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Calls `run` once after `ms` milliseconds. Does not keep the process alive. */
  after(ms: number, run: () => void): Timer;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  after(ms, run) {
    const handle = setTimeout(run, Math.min(ms, 2 ** 31 - 1)).unref();
    return { cancel: () => clearTimeout(handle) };
  },
};
