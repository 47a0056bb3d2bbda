/** The runner can't go on. `code` is one of `exitCode`. */
export class Fatal extends Error {
  override readonly name = "Fatal";
  readonly code: number;
  constructor(code: number, message: string, cause?: unknown) {
    super(cause === undefined ? message : `${message}: ${cause instanceof Error ? cause.message : String(cause)}`);
    this.code = code;
  }
}
