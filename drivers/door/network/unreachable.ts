/** A server that a request does not get to. */

export class Unreachable extends Error {
  override readonly name = "Unreachable";
  /** What the client is answered. */
  readonly status: number;
  constructor(why: string, status = 502) {
    super(why);
    this.status = status;
  }
}
