/** What can die: a host process, a container. What belongs to a life ends with it, without a chance to say anything. */

/** Thrown at whoever goes on after the end: whatever a dead process still does has no effect. */
export class Dead extends Error {
  override readonly name = "Dead";
  constructor() {
    super("this process is dead");
  }
}

export class Life {
  readonly name: string;
  /** Nothing that it set going happens any more, although it lives. */
  frozen = false;
  #alive = true;
  #endings: (() => void)[] = [];
  readonly #onError: (error: unknown) => void;
  #crashIn: number | null = null;
  /** It ended where it was to be cut off. */
  cutOff = false;

  /** @param onError what the process does about an error that nobody caught. */
  constructor(name: string, onError: (error: unknown) => void) {
    this.name = name;
    this.#onError = onError;
  }

  get alive(): boolean {
    return this.#alive;
  }

  end(): void {
    if (!this.#alive) return;
    this.#alive = false;
    const endings = this.#endings;
    this.#endings = [];
    for (const ending of endings) ending();
  }

  /** Calls `ending` at the end of this life. */
  onEnd(ending: () => void): void {
    if (this.#alive) this.#endings.push(ending);
    else ending();
  }

  fail(error: unknown): void {
    if (this.#alive && !(error instanceof Dead)) this.#onError(error);
  }

  /** Ends this life at the `points`-th point from now on at which it could be cut off; null for never. */
  crashAfter(points: number | null): void {
    this.#crashIn = points;
  }

  /** A point at which the process could be cut off. @throws Dead where it is, or was before. */
  point(): void {
    if (this.#crashIn !== null && this.#alive) {
      if (this.#crashIn === 0) {
        this.cutOff = true;
        this.end();
      }
      this.#crashIn -= 1;
    }
    if (!this.#alive) throw new Dead();
  }
}
