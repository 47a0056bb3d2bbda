/** Slack's Web API with every request bounded in time and size, and every failure read into a SlackFailure. */
import { type FetchFunction, type Logger, LogLevel, WebClient } from "@slack/web-api";
import { z } from "zod";
import type { Clock } from "../../src/lib/clock.ts";
import type { Log } from "../../src/lib/log.ts";
import { failureOf, SlackFailure } from "./failures.ts";

/** Milliseconds for a whole request, and bytes of its answer. */
const CALL_LIMIT = 12_000;
const MOST_BYTES = 10_000_000;

/** Who the bot is, as Slack says. */
export interface BotIdentity {
  /** Its user id, as mentions name it. */
  user: string;
  /** Its name, without "@". */
  name: string;
  /** The workspace's id and name. */
  team: string;
  workspace: string;
  /** What its token allows; null where Slack did not say. */
  scopes: string[] | null;
}

const authSchema = z.object({
  user_id: z.string().min(1).max(50),
  user: z.string().max(200).catch("the bot"),
  team_id: z.string().min(1).max(50),
  team: z.string().max(200).catch(""),
  response_metadata: z.object({ scopes: z.array(z.string()).optional() }).optional(),
});

export class SlackApi {
  /** Where the API is. Files and sockets are elsewhere under the same name. */
  readonly root: URL;
  /** For the header of requests that the library does not make. */
  readonly authorization: string;
  readonly #client: WebClient;

  /** @param root undefined for Slack's own */
  constructor(token: string, root: string | undefined, { clock, log }: { clock: Clock; log: Log }) {
    this.authorization = `Bearer ${token}`;
    this.#client = new WebClient(token, {
      ...(root ? { slackApiUrl: root } : {}),
      // What is to be tried again, and when, is the outbox's to decide: what may have arrived must not go twice.
      retryConfig: { retries: 0 },
      rejectRateLimitedCalls: true,
      allowAbsoluteUrls: false,
      logger: quiet(log),
      fetch: bounded(clock),
    });
    this.root = new URL(this.#client.slackApiUrl);
  }

  /**
   * @param stop lets go of it before it ends
   * @throws SlackFailure
   */
  async call<Result>(request: (client: WebClient) => Promise<Result>, stop?: AbortSignal): Promise<Result> {
    if (stop?.aborted) throw new SlackFailure("stopped", { unsent: true });
    const { promise: stopped, reject } = Promise.withResolvers<never>();
    const end = () => reject(new SlackFailure("stopped"));
    stop?.addEventListener("abort", end, { once: true });
    try {
      return await Promise.race([request(this.#client), stopped]);
    } catch (error) {
      throw failureOf(error);
    } finally {
      stop?.removeEventListener("abort", end);
    }
  }

  /** @throws SlackFailure */
  async identity(stop: AbortSignal): Promise<BotIdentity> {
    const { data } = authSchema.safeParse(await this.call((client) => client.auth.test(), stop));
    if (!data) throw new SlackFailure("Slack did not say who the bot is");
    const { user_id: user, user: name, team_id: team, team: workspace, response_metadata: more } = data;
    return { user, name, team, workspace, scopes: more?.scopes ?? null };
  }

  /**
   * The address, where it is Slack's own: the API's host, or one under its name. Only there our token and people's files
   * may go, whatever an answer says.
   */
  own(address: string): URL | null {
    const { protocol, hostname, port } = this.root;
    const url = URL.canParse(address) ? new URL(address) : null;
    if (!url || url.protocol !== protocol || url.port !== port || url.username !== "" || url.password !== "")
      return null;
    return url.hostname === hostname || url.hostname.endsWith(`.${hostname}`) ? url : null;
  }
}

/** Node's own fetch, which keeps to the proxy and the certificates of the environment, with an end to each request. */
function bounded(clock: Clock): FetchFunction {
  return async (url, init) => {
    const ended = new AbortController();
    const timer = clock.after(CALL_LIMIT, () => ended.abort());
    try {
      const response = await fetch(url, { ...init, signal: ended.signal });
      const { status, headers, body } = response;
      const bytes = await bytesOf(body ?? []);
      return new Response(bytes.length > 0 ? bytes : null, { status, headers });
    } finally {
      timer.cancel();
    }
  };
}

async function bytesOf(body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<Buffer<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > MOST_BYTES) throw new Error("the answer is too large");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** The library's own words go into the host's log. What it calls debug holds messages, and goes nowhere. */
function quiet(log: Log): Logger {
  const say = (...words: unknown[]) =>
    log.debug({ slack: words.map(String).join(" ").slice(0, 300) }, "Slack's library");
  return {
    debug() {},
    info: say,
    warn: say,
    error: say,
    setLevel() {},
    getLevel: () => LogLevel.INFO,
    setName() {},
  };
}
