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

/** Resolves after `ms` milliseconds. */
export function sleep(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => void clock.after(ms, resolve));
}

/** What `work` comes to. Where that takes longer than `ms`, it rejects with `late()`, and nobody hears of the work any more. */
export function inTime<Result>(clock: Clock, ms: number, work: Promise<Result>, late: () => Error): Promise<Result> {
  return new Promise((resolve, reject) => {
    const timer = clock.after(ms, () => reject(late()));
    work.then(resolve, reject).finally(() => timer.cancel());
  });
}
