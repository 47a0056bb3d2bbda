/**
 * Talks to the host over its control socket: one HTTP request a verb, one connection a request. What the host refuses
 * becomes a VerbError, a host that is not there becomes HostDown. Imports no schema library: this path must be fast.
 */
import type { IncomingMessage } from "node:http";
import type { VerbFailure, VerbInput, VerbName, VerbResult } from "../api/verbs.ts";
import { Misuse, messageOf } from "../src/lib/errors.ts";
import { linesOf } from "./lines.ts";

// As an import it would also load its WebSocket and fetch, and take 20 ms longer.
const http = process.getBuiltinModule("node:http");

/** Largest answer and longest line of a stream, in bytes. */
const MAX_ANSWER = 16_000_000;
const MAX_LINE = 2_000_000;
/** How long a verb may take, in milliseconds. */
const CALL_TIMEOUT = 60_000;

/** The host refused or failed; `code` is one of those in api/verbs.ts. */
export class VerbError extends Misuse {
  readonly code: string;
  constructor(code: string, message: string, hint: string) {
    super(message, hint);
    this.code = code;
  }
}

/** Nobody answers at the control socket. */
export class HostDown extends Error {
  override readonly name = "HostDown";
  readonly hint = "Start it with: ./bin/ncl up";
  /** The request was under way when the host went: it may have been done. */
  readonly cutOff: boolean;
  constructor(cutOff: boolean) {
    super(cutOff ? "the host went away before it answered; it may have done it" : "the host is not running");
    this.cutOff = cutOff;
  }
}

export interface CallOptions {
  signal?: AbortSignal;
}

/** Told about every verb: what was asked, and what came of it. For `-v`. */
export type Trace = (step: "ask" | "answer" | "failure", verb: string, detail: unknown) => void;

export class ControlClient {
  readonly #socketPath: string;
  readonly #trace: Trace;
  constructor(socketPath: string, trace: Trace = () => {}) {
    this.#socketPath = socketPath;
    this.#trace = trace;
  }

  /** @throws VerbError, HostDown, Misuse (also when it takes too long), or the reason of an aborted signal */
  async call<N extends VerbName>(verb: N, args: VerbInput<N>, options: CallOptions = {}): Promise<VerbResult<N>> {
    const timeout = AbortSignal.timeout(CALL_TIMEOUT);
    const signal = options.signal ? AbortSignal.any([options.signal, timeout]) : timeout;
    const body = await this.#traced(verb, args, signal, async (response) => {
      const answer = await bodyOf(response);
      this.#trace("answer", verb, answer);
      return answer;
    });
    // The host is the same installation as this client, so a result needs no second validation.
    return body as VerbResult<N>;
  }

  /** Lines of a streaming verb, until the host ends it or the caller stops. Throws like `call`. */
  async *stream<N extends VerbName>(
    verb: N,
    args: VerbInput<N>,
    options: CallOptions = {},
  ): AsyncGenerator<VerbResult<N>> {
    const response = await this.#traced(verb, args, options.signal, async (opened) => {
      if (opened.statusCode !== 200) await bodyOf(opened);
      return opened;
    });
    try {
      for await (const line of linesOf(response, MAX_LINE)) {
        const value = parsed(line);
        if (isRecord(value) && value.type === "error") throw verbError(value);
        yield value as VerbResult<N>;
      }
    } catch (error) {
      throw explained(error, this.#socketPath, options.signal);
    } finally {
      response.destroy();
    }
  }

  async #traced<T>(
    verb: VerbName,
    args: unknown,
    signal: AbortSignal | undefined,
    use: (response: IncomingMessage) => Promise<T>,
  ): Promise<T> {
    this.#trace("ask", verb, args);
    try {
      return await use(await this.#post(verb, args, signal));
    } catch (thrown) {
      const error = explained(thrown, this.#socketPath, signal);
      this.#trace("failure", verb, messageOf(error));
      throw error;
    }
  }

  #post(verb: string, args: unknown, signal: AbortSignal | undefined): Promise<IncomingMessage> {
    const body = JSON.stringify(args);
    return new Promise((resolve, reject) => {
      const request = http.request({
        socketPath: this.#socketPath,
        path: `/v1/verbs/${verb}`,
        method: "POST",
        headers: { "content-type": "application/json", "content-length": Buffer.byteLength(body) },
        // A kept connection would meet a restarted host half open.
        agent: false,
        ...(signal ? { signal } : {}),
      });
      request.on("response", resolve);
      request.on("error", reject);
      request.end(body);
    });
  }
}

/** The result in the host's envelope. Throws VerbError where it holds a failure. */
async function bodyOf(response: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_ANSWER) throw new Misuse(`the host's answer is longer than ${MAX_ANSWER} bytes`);
    chunks.push(chunk);
  }
  const envelope = parsed(Buffer.concat(chunks).toString("utf8"));
  if (isRecord(envelope) && envelope.ok === true) return envelope.result;
  throw verbError(isRecord(envelope) && isRecord(envelope.error) ? envelope.error : {});
}

function verbError(error: Partial<Record<keyof VerbFailure, unknown>>): VerbError {
  const text = (value: unknown) => (typeof value === "string" ? value : "");
  return new VerbError(
    text(error.code) || "failed",
    text(error.message) || "the host failed without a reason",
    text(error.hint) || "See: ./bin/ncl logs",
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Misuse("the control socket answered with something that is not JSON", "Is another program using it?");
  }
}

/** What a failed request means to the person. */
function explained(error: unknown, socketPath: string, signal: AbortSignal | undefined): unknown {
  if (signal?.aborted && !isTimeout(signal.reason)) return signal.reason;
  if (isTimeout(error) || isTimeout(signal?.reason) || (isRecord(error) && isTimeout(error.cause))) {
    return new Misuse("the host did not answer in time", "See what it is doing: ./bin/ncl logs");
  }
  const code = isRecord(error) ? String(error.code) : "";
  if (code === "ENOENT" || code === "ECONNREFUSED") return new HostDown(false);
  if (code === "ECONNRESET" || code === "EPIPE") return new HostDown(true);
  if (code === "EACCES" || code === "EPERM") {
    return new Misuse(`this account may not use ${socketPath}`, "Run it as the user who set NanoClaw up.");
  }
  if (code.startsWith("HPE_")) {
    return new Misuse(`what answers at ${socketPath} is not NanoClaw`, "Stop it, then: ./bin/ncl up");
  }
  return error;
}

const isTimeout = (error: unknown) => error instanceof DOMException && error.name === "TimeoutError";
const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;
