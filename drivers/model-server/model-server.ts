/**
 * Runs a local model server as a process of its own and keeps it running. It gets no secrets, and nothing of it is known
 * here but its command and its socket. Its standard input closes when the host ends, however that happens: a server that
 * heeds this is never left over.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { connect } from "node:net";
import { type Clock, sleep, systemClock, type Timer } from "../../src/lib/clock.ts";
import { Misuse } from "../../src/lib/errors.ts";
import type { Log } from "../../src/lib/log.ts";

export interface ModelServerSettings {
  command: string[];
  /** Where it will listen. */
  socket: string;
  log: Log;
  clock?: Clock;
}

/** Longest that it may take to listen, milliseconds, and how often it is looked at meanwhile. */
const START_TIME = 15_000;
const LOOK = 20;
/** So many deaths before it ever listened are a failure to start. */
const TRIES = 3;
/** Waits before the first and before any later restart, milliseconds. */
const FIRST_WAIT = 100;
const LONGEST_WAIT = 30_000;
/** A run of this length was a good one: the waits begin anew. */
const GOOD_RUN = 60_000;
const GRACE = 2_000;

export class ModelServer {
  readonly #settings: ModelServerSettings;
  readonly #clock: Clock;
  #wanted = false;
  #child: ChildProcess | null = null;
  #restart: Timer | null = null;
  #wait = FIRST_WAIT;
  #deaths = 0;
  #lastWords = "";

  constructor(settings: ModelServerSettings) {
    this.#settings = settings;
    this.#clock = settings.clock ?? systemClock;
  }

  /** Resolves when it listens. @throws Misuse when it does not in time; it goes on being restarted then. */
  async start(): Promise<void> {
    if (!this.#wanted) {
      this.#wanted = true;
      this.#wait = FIRST_WAIT;
      this.#spawn();
    }
    this.#deaths = 0;
    const deadline = this.#clock.now() + START_TIME;
    while (!(await listens(this.#settings.socket))) {
      if (!this.#wanted) return;
      if (this.#deaths >= TRIES || this.#clock.now() > deadline) {
        throw new Misuse(
          `the model server does not listen on ${this.#settings.socket}`,
          `Its command is: ${this.#settings.command.join(" ")}. It said: ${this.#lastWords.trim() || "nothing"}`,
        );
      }
      await sleep(this.#clock, LOOK);
    }
  }

  /** Resolves when it has ended. */
  async stop(): Promise<void> {
    this.#wanted = false;
    this.#restart?.cancel();
    const child = this.#child;
    if (!child) return;
    const gone = new Promise((resolve) => child.once("close", resolve));
    child.kill("SIGTERM");
    const kill = this.#clock.after(GRACE, () => child.kill("SIGKILL"));
    await gone;
    kill.cancel();
  }

  #spawn(): void {
    const { command, log } = this.#settings;
    const [file = "", ...args] = command;
    const began = this.#clock.now();
    const child = spawn(file, args, { env: { PATH: process.env.PATH }, stdio: ["pipe", "ignore", "pipe"] });
    this.#child = child;
    child.stdin.on("error", () => {});
    child.stderr.on("data", (chunk: Buffer) => {
      this.#lastWords = (this.#lastWords + chunk).slice(-2_000);
    });
    child.on("error", (error) => {
      this.#lastWords = error.message;
    });
    child.on("close", (code, signal) => {
      this.#child = null;
      this.#deaths += 1;
      if (!this.#wanted) return;
      if (this.#clock.now() - began > GOOD_RUN) this.#wait = FIRST_WAIT;
      log.warn({ code, signal, said: this.#lastWords, restartIn: this.#wait }, "the model server ended");
      this.#restart = this.#clock.after(this.#wait, () => this.#spawn());
      this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT);
    });
  }
}

function listens(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(socket);
    probe.once("connect", () => resolve(true)).once("error", () => resolve(false));
    probe.once("connect", () => probe.destroy());
  });
}
