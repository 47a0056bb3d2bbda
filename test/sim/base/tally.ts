/** What a run has really met, counted: that a fault stands in a scenario does not say that it hit anything. */

export const MET = [
  "an update came again",
  "an update overtook another",
  "an acknowledgement came too late",
  "a platform said 429",
  "a platform could not be reached",
  "a platform's answer was lost",
  "a platform never answered",
  "a platform refused",
  "a ring was lost",
  "a ring was late",
  "a ring came twice",
  "a connection to a runner broke",
  "the engine was restarted, its containers went on",
  "the engine was restarted, its containers were killed",
  "the engine was asked while it was down",
  "a start was refused",
  "the answer to a start was lost",
  "a start was slow",
  "the clock was set forward",
  "the clock was set back",
  "a write met a full disk",
  "the host was cut off",
  "the host was cut off before a commit, which is undone",
  "the host was cut off after a commit, which is kept",
  "the host was stopped in good order",
  "a container was killed",
  "a container was frozen",
  "a runner was cut off in a commit",
  "a mailbox reader was killed",
  "a file could not be fetched",
  "a question was answered",
  "a question was answered again",
  "a question was answered after a restart",
  "an answer was held by the guard",
  "a budget stopped a turn",
  "a task ran in its chat's session",
  "a task ran in a session of its own",
] as const;
export type Met = (typeof MET)[number];

export class Tally {
  readonly #times = new Map<Met, number>();

  count(what: Met, times = 1): void {
    this.#times.set(what, this.of(what) + times);
  }

  of(what: Met): number {
    return this.#times.get(what) ?? 0;
  }

  add(other: Tally): void {
    for (const what of MET) this.count(what, other.of(what));
  }

  /** A line for each, also for what was not met. */
  get lines(): string[] {
    return MET.map((what) => `${String(this.of(what)).padStart(7)} ${what}`);
  }
}
