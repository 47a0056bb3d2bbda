/** The Bot API with every request bounded in time, and every failure read into a BotFailure. */
import { Api, type ApiClientOptions, type RawApi } from "grammy";
import type { Clock } from "../../src/lib/clock.ts";
import { Rejected, Retryable } from "../../src/lib/errors.ts";
import { BotFailure, ForeignAnswer, failureOf, forSender } from "./failures.ts";

/** The signal that the library's methods take: its own type, older than the platform's. */
type Signal = NonNullable<Parameters<RawApi["getMe"]>[0]>;

/** Bytes that a bot may fetch, by Telegram's rule. */
const MOST_BYTES = 20 * 1024 * 1024;
const FETCH_LIMIT = 5 * 60_000;
const CALL_LIMIT = 12_000;

export class BotApi {
  readonly #api: Api;
  readonly #clock: Clock;
  readonly #token: string;
  /** Where the server is, as the library has it, once something was asked. */
  #root = "";

  /** @param apiRoot a Bot API server of one's own; undefined for Telegram's */
  constructor(token: string, apiRoot: string | undefined, clock: Clock) {
    this.#token = token;
    this.#clock = clock;
    this.#api = new Api(token, {
      ...(apiRoot ? { apiRoot: apiRoot.replace(/\/+$/, "") } : {}),
      buildUrl: (root, secret, method) => {
        this.#root = root;
        return `${root}/bot${secret}/${method}`;
      },
      fetch: platformFetch as unknown as NonNullable<ApiClientOptions["fetch"]>,
    });
  }

  /**
   * @param limit milliseconds for the whole request
   * @param stop ends it before
   * @throws BotFailure
   */
  async call<Result>(
    request: (api: RawApi, signal: Signal) => Promise<Result>,
    limit = CALL_LIMIT,
    stop?: AbortSignal,
  ): Promise<Result> {
    const ended = new AbortController();
    const end = () => ended.abort();
    const timer = this.#clock.after(limit, end);
    stop?.addEventListener("abort", end, { once: true });
    try {
      if (stop?.aborted) throw new BotFailure("stopped", { unsent: true });
      return await request(this.#api.raw, ended.signal as unknown as Signal);
    } catch (error) {
      throw failureOf(error);
    } finally {
      timer.cancel();
      stop?.removeEventListener("abort", end);
    }
  }

  /** The bytes behind a file id, at most Telegram's 20 MB. Throws like a channel's `fetch`. */
  async file(fileId: string): Promise<AsyncIterable<Uint8Array>> {
    const file = await this.call((api, signal) => api.getFile({ file_id: fileId }, signal)).catch((error) => {
      throw forSender(failureOf(error));
    });
    if ((file.file_size ?? 0) > MOST_BYTES) throw tooLarge();
    // A server that runs with --local names a path on its own disk, which is not ours to open.
    if (!file.file_path || file.file_path.startsWith("/")) {
      throw new Rejected("the Bot API server gives no way to fetch this file");
    }
    const ended = new AbortController();
    const timer = this.#clock.after(FETCH_LIMIT, () => ended.abort());
    const url = `${this.#root}/file/bot${this.#token}/${encodeURI(file.file_path)}`;
    const response = await fetch(url, { signal: ended.signal }).catch(() => null);
    if (!response?.ok || !response.body) {
      timer.cancel();
      void response?.body?.cancel();
      throw new Retryable(`Telegram did not give the file (${response ? `HTTP ${response.status}` : "no answer"})`);
    }
    return bounded(response.body, () => timer.cancel());
  }
}

const tooLarge = () => new Rejected("the file is larger than the 20 MB that Telegram lets bots fetch");

async function* bounded(body: AsyncIterable<Uint8Array>, end: () => void): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  try {
    for await (const chunk of body) {
      bytes += chunk.length;
      if (bytes > MOST_BYTES) throw tooLarge();
      yield chunk;
    }
  } catch (error) {
    throw error instanceof Rejected ? error : new Retryable("the connection broke while the file came");
  } finally {
    end();
  }
}

/**
 * Node's own fetch instead of the library's: it keeps to the proxy and the certificates of the environment, and tells
 * why a connection failed.
 */
async function platformFetch(url: string, init: RequestInit & { signal: AbortSignal; agent?: unknown }) {
  const { agent: _, signal, ...rest } = init;
  const ended = new AbortController();
  if (signal.aborted) ended.abort();
  else signal.addEventListener("abort", () => ended.abort());
  const response = await fetch(url, { ...rest, signal: ended.signal });
  if (!response.headers.get("content-type")?.includes("json")) {
    void response.body?.cancel();
    throw new ForeignAnswer(response.status);
  }
  return response;
}
