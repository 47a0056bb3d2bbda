/**
 * Socket mode: events come over a WebSocket that we open, so no public address is needed. Slack replaces each after some
 * hours; the next one is open before the last is let go.
 */
import { type ConnectionParts, Trouble, type Way } from "./connection.ts";
import { failureOf, isSignInProblem, SlackFailure } from "./failures.ts";
import { type LineParts, SocketLine } from "./socket-line.ts";
import { SlackApi } from "./web-api.ts";

/** Events that wait for the host: with so many nothing more is let in, until there are fewer again. */
const MOST_WAITING = 2_000;
const FEWER_WAITING = 500;

const NEW_TOKEN =
  "On Slack's page of the app, under Basic Information, App-Level Tokens, generate one with the scope connections:write, and add the channel again with it.";
const TURN_ON = "On Slack's page of the app, under Socket Mode, turn it on.";

export interface SocketParts extends Pick<ConnectionParts, "clock" | "log">, LineParts {
  /** How many events wait for the host. */
  waiting(): number;
}

export class Socket implements Way {
  readonly #parts: SocketParts;
  readonly #api: SlackApi;
  /** All that are not ended yet; the first is the one that counts. */
  #lines: SocketLine[] = [];
  #shared = 0;

  constructor(parts: SocketParts, appToken: string, apiRoot: string | undefined) {
    this.#parts = parts;
    this.#api = new SlackApi(appToken, apiRoot, parts);
  }

  async connect(_: unknown, stop: AbortSignal): Promise<void> {
    await this.#open(stop);
    for (const old of this.#lines.splice(1)) old.drop();
  }

  async round(stop: AbortSignal): Promise<number> {
    const [line] = this.#lines;
    if (!line) throw new SlackFailure("the connection is gone");
    const stopped = new Promise<null>((resolve) => {
      if (stop.aborted) resolve(null);
      stop.addEventListener("abort", () => resolve(null), { once: true });
    });
    const end = await Promise.race([line.ended, stopped]);
    if (end === null) return 0;
    if (end.kind === "gone") throw goneFor(end.why);
    // The old one brings and takes until the new one does.
    await this.#open(stop);
    this.#lines = this.#lines.filter((one) => one !== line);
    void line.retire();
    return 0;
  }

  remark(): string {
    const others = this.#shared;
    if (others === 0) return "";
    return `Slack counts ${others} more ${others === 1 ? "connection" : "connections"} with this app's token: where that is another program, each gets only some of what is said`;
  }

  async close(): Promise<void> {
    await Promise.all(this.#lines.splice(0).map((line) => line.retire()));
  }

  /** @throws Trouble where only a person can mend it */
  async #open(stop: AbortSignal): Promise<void> {
    const opened = await this.#api
      .call((client) => client.apps.connections.open(), stop)
      .catch((error) => {
        throw troubleOf(failureOf(error));
      });
    const url = opened.url ? this.#trusted(opened.url) : null;
    if (!url) throw new SlackFailure("Slack gave no address for the socket");
    const { clock } = this.#parts;
    const line = new SocketLine(url, { clock, take: (envelope) => this.#take(envelope) });
    const dropped = () => line.drop();
    stop.addEventListener("abort", dropped, { once: true });
    try {
      await line.greeted();
    } catch (error) {
      throw new SlackFailure(failureOf(error).message);
    } finally {
      stop.removeEventListener("abort", dropped);
    }
    this.#lines.unshift(line);
    this.#shared = Math.max(0, line.connections - this.#lines.length);
  }

  async #take(envelope: Parameters<LineParts["take"]>[0]): Promise<void> {
    const { take, waiting } = this.#parts;
    const taken = take(envelope);
    if (waiting() >= MOST_WAITING) this.#hold(true);
    try {
      await taken;
    } finally {
      if (waiting() <= FEWER_WAITING) this.#hold(false);
    }
  }

  #hold(held: boolean): void {
    for (const line of this.#lines) line.hold(held);
  }

  /** Slack's word for where the socket is came over a line that was checked; none of our tokens goes there. */
  #trusted(address: string): URL | null {
    const url = URL.canParse(address) ? new URL(address) : null;
    const plain = this.#api.root.protocol === "http:";
    return url && (url.protocol === "wss:" || (plain && url.protocol === "ws:")) ? url : null;
  }
}

function goneFor(why: string): Trouble | SlackFailure {
  if (why === "link_disabled") return new Trouble("Socket Mode was turned off for the app", TURN_ON);
  if (why === "too_many_websockets") return new SlackFailure("too many programs are connected with this app's token");
  return new SlackFailure(why);
}

function troubleOf(failure: SlackFailure): Error {
  const { code } = failure;
  if (isSignInProblem(failure)) return new Trouble(`Slack does not take the app-level token (${code})`, NEW_TOKEN);
  if (code === "missing_scope") return new Trouble("the app-level token lacks the scope connections:write", NEW_TOKEN);
  // Any other refusal in words of Slack's is about the app: most often its Socket Mode is off.
  const passing = code === null || /^(internal_error|fatal_error|service_unavailable|request_timeout)$/.test(code);
  return passing ? failure : new Trouble(`Slack opens no socket for the app (${code})`, TURN_ON);
}
