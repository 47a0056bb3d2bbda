/**
 * The host's end of the way to the network: one process for all sessions, started when it is first needed, killed when it
 * does not answer, ended when it has nothing to do. Connections are handed to it as they are, so no byte that passes is
 * read here; it asks here what may pass. When it is gone, clients get errors and the host goes on.
 */
import { type ChildProcess, fork } from "node:child_process";
import type { Socket } from "node:net";
import { join } from "node:path";
import type { DoorSession } from "../../../src/gateway/door.ts";
import type { Egress, EgressVerdict, TunnelVerdict } from "../../../src/gateway/egress.ts";
import type { Clock, Timer } from "../../../src/lib/clock.ts";
import { messageOf } from "../../../src/lib/errors.ts";
import type { Log } from "../../../src/lib/log.ts";
import type { AuthorityText } from "./leaves.ts";
import type { NetworkLimits } from "./limits.ts";
import { type FromDoor, fromDoor, type ToDoor } from "./wire.ts";

export interface NetworkDoorParts {
  egress: Egress;
  /** Made at first need. */
  authority(): AuthorityText;
  limits: NetworkLimits;
  /** Certificates that servers may use beside the usual ones, as PEM. */
  trust: string[];
  clock: Clock;
  log: Log;
  /** What the process runs; a test's may resolve names by its own script. */
  program?: string;
}

/** Longest that it may take to start, milliseconds. */
const START = 60_000;
/** It ends when no connection was open at so many heartbeats in a row. */
const IDLE_BEATS = 12;
/** One that dies is not started again at once, milliseconds. */
const PAUSE = 1_000;
/** Heap, megabytes: what passes is not in it. */
const HEAP = 512;
/** Look-ups of names block a thread each: those of one session must not stop the others. */
const THREADS = "32";
/** Where this machine's certificates are, if not in the usual place. */
const TRUST_VARIABLES = ["SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS", "NODE_USE_SYSTEM_CA"];

export class NetworkDoor {
  readonly #parts: NetworkDoorParts;
  readonly #sessions = new Map<string, DoorSession>();
  readonly #asked = new Map<number, AbortController>();
  /** Connections on their way to the process. */
  readonly #handing = new Map<number, { socket: Socket; session: string }>();
  #handed = 0;
  #child: ChildProcess | null = null;
  #diedAt = Number.NEGATIVE_INFINITY;
  #beat: Timer | null = null;
  #late: Timer | null = null;
  #pings = 0;
  #quiet = 0;

  constructor(parts: NetworkDoorParts) {
    this.#parts = parts;
  }

  /** The process's id, for tests and measurements; 0 where none runs. */
  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** Hands over a connection on which a proxy was asked for. @returns why not, in words */
  take(session: DoorSession, socket: Socket, early: Buffer): string | null {
    const underWay = [...this.#handing.values()].filter((one) => one.session === session.id).length;
    if (underWay >= this.#parts.limits.connections) return "too many connections wait for it already";
    let child: ChildProcess;
    try {
      child = this.#running();
    } catch (error) {
      this.#parts.log.error({ error: messageOf(error) }, "the way to the network can't be opened");
      return "the way to the network can't be opened (`ncl logs` says why)";
    }
    this.#sessions.set(session.id, session);
    socket.pause();
    this.#handed += 1;
    const n = this.#handed;
    const message: ToDoor = { do: "connection", n, session: session.id, early: early.toString("base64") };
    // Else the server that took it in would go on asking the other process about it.
    Object.assign(socket, { server: null });
    this.#handing.set(n, { socket, session: session.id });
    // Kept until the process has it: Node would keep one that a hanging process never takes, and never close it.
    child.send(message, socket, { keepOpen: true }, () => {});
    return null;
  }

  /** Ends the connections of a session. */
  closeSession(id: string): void {
    if (!this.#sessions.delete(id)) return;
    this.#say({ do: "close", session: id });
  }

  close(): void {
    this.#end();
  }

  #running(): ChildProcess {
    this.#quiet = 0;
    if (this.#child) return this.#child;
    const { clock, authority, trust, limits, program = join(import.meta.dirname, "door-process.ts") } = this.#parts;
    if (clock.now() - this.#diedAt < PAUSE)
      throw new Error("its process has just ended; it is started again in a moment");
    const begin: ToDoor = { do: "begin", authority: authority(), trust, limits };
    const root = join(import.meta.dirname, "../../..");
    const readable = ["drivers/door", "src", "packages", "protocol"].map((dir) => `--allow-fs-read=${join(root, dir)}`);
    const child = fork(program, [], {
      execArgv: ["--permission", ...readable, `--max-old-space-size=${HEAP}`, "--disable-warning=SecurityWarning"],
      env: {
        UV_THREADPOOL_SIZE: THREADS,
        ...Object.fromEntries(
          TRUST_VARIABLES.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])),
        ),
      },
      stdio: ["ignore", "ignore", "ignore", "ipc"],
    });
    this.#child = child;
    const gone = (cause: unknown) => {
      if (child !== this.#child) return;
      this.#parts.log.warn({ cause: String(cause) }, "the process of the way to the network ended");
      this.#end();
      this.#diedAt = clock.now();
    };
    child.on("error", gone).on("exit", (code, signal) => gone(signal ?? code));
    child.on("message", (message) => {
      if (child === this.#child) this.#hear(message);
    });
    this.#say(begin);
    this.#ping(START);
    return child;
  }

  #end(): void {
    const child = this.#child;
    this.#child = null;
    this.#beat?.cancel();
    this.#late?.cancel();
    child?.kill("SIGKILL");
    for (const { socket } of this.#handing.values()) socket.destroy();
    this.#handing.clear();
    for (const asked of this.#asked.values()) asked.abort();
    this.#asked.clear();
  }

  #say(message: ToDoor): void {
    // A process that has just died; its end is handled where it is heard.
    this.#child?.send(message, () => {});
  }

  #ping(patience: number): void {
    const { clock, log } = this.#parts;
    this.#pings += 1;
    this.#say({ do: "ping", n: this.#pings });
    this.#late = clock.after(patience, () => {
      log.error({}, "the process of the way to the network does not answer and is ended");
      this.#end();
    });
  }

  #pong(connections: number): void {
    const { clock, limits } = this.#parts;
    this.#late?.cancel();
    this.#quiet = connections === 0 ? this.#quiet + 1 : 0;
    if (this.#quiet >= IDLE_BEATS) this.#end();
    else this.#beat = clock.after(limits.heartbeat, () => this.#ping(limits.answerTime));
  }

  #hear(message: unknown): void {
    const parsed = fromDoor.safeParse(message);
    if (!parsed.success) {
      this.#parts.log.error({}, "the process of the way to the network said what it may not, and is ended");
      this.#end();
      return;
    }
    const said: FromDoor = parsed.data;
    const { egress } = this.#parts;
    switch (said.do) {
      case "pong":
        this.#pong(said.connections);
        return;
      case "taken":
        // Before the client is answered: what both read from, either may get.
        this.#handing.get(said.n)?.socket.destroy();
        this.#handing.delete(said.n);
        this.#say({ do: "go", n: said.n });
        return;
      case "gone":
        this.#asked.get(said.ask)?.abort();
        return;
      case "ended":
        egress.ended(said.id, said.end);
        return;
      case "leaked":
        egress.leaked(said.id, said.placeholder);
        return;
      case "refused": {
        const session = this.#sessions.get(said.session);
        if (session) egress.refused(session, said.to, said.why, said.times);
        return;
      }
      case "tunnel":
      case "decide":
        void this.#answer(said);
    }
  }

  async #answer(said: Extract<FromDoor, { do: "tunnel" | "decide" }>): Promise<void> {
    const { egress } = this.#parts;
    const session = this.#sessions.get(said.session);
    const gone = new AbortController();
    this.#asked.set(said.ask, gone);
    const asking = async (): Promise<TunnelVerdict | EgressVerdict> => {
      if (!session) throw new Error("its door was closed");
      return said.do === "tunnel" ? egress.tunnel(session, said.to) : egress.decide(session, said.request, gone.signal);
    };
    const verdict = await asking().catch((error: unknown) => this.#failed(said.do, error));
    // Another process does not know of this question.
    if (this.#asked.get(said.ask) !== gone) return;
    this.#asked.delete(said.ask);
    this.#say({ do: "answer", ask: said.ask, verdict });
  }

  /** What must not happen; then nothing passes. */
  #failed(what: "tunnel" | "decide", error: unknown): TunnelVerdict | EgressVerdict {
    this.#parts.log.error({ error: messageOf(error) }, "a request could not be decided");
    const refusal = {
      status: 403,
      message: "The NanoClaw gateway failed over this request; its log says why (`ncl logs`).",
    };
    return what === "tunnel" ? { do: "refuse", ...refusal } : { allow: false, ...refusal };
  }
}
