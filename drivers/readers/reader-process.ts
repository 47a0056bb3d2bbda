/** One reader process, seen from the host: asked for one thing at a time, killed when it is of no more use. */
import { type ChildProcess, spawn } from "node:child_process";
import { frameOf, LENGTH_BYTES, MAX_FRAME_BYTES, READY, type ReadRequest } from "./frame.ts";

export interface ReaderEvents {
  /** Its first request may come. */
  ready(): void;
  answered(text: Buffer): void;
  /** It is gone. `retired`: by its own will, with nothing under way. */
  ended(end: { retired: boolean; why: string }): void;
}

export interface ReaderOptions {
  /** The only directory that it may read, as a real path. */
  sessionsDir: string;
  program: string;
  /** Whom it becomes; null leaves it the host's user. */
  user: { uid: number; gid: number } | null;
}

/** A host that dies leaves an endless read behind; the kernel ends it after this much processor time. No core, no file. */
const LIMITS = "ulimit -t 60; ulimit -c 0; ulimit -f 0";
/** Jitless: nothing here is hot but SQLite, and no page of the process is both written and run. */
const ENGINE = ["--jitless", "--max-old-space-size=64", "--max-semi-space-size=1", "--expose-gc"];
/** With one arena the C library gives memory back: 15 MB of its own instead of 35 after thousands of reads. */
const ENVIRONMENT = { MALLOC_ARENA_MAX: "1" };
const MAX_STDERR = 2_000;

export class ReaderProcess {
  readonly #child: ChildProcess;
  readonly #events: ReaderEvents;
  /** What has come of an answer, its length so far, and the length that it states; 0 before that is known. */
  #pieces: Buffer[] = [];
  #received = 0;
  #expected = 0;
  #stderr = "";
  /** Resolves when the process has ended or could not be started. */
  readonly gone: Promise<void>;

  constructor({ sessionsDir, program, user }: ReaderOptions, events: ReaderEvents) {
    this.#events = events;
    const rights = ["--permission", `--allow-fs-read=${sessionsDir}`];
    const node = [process.execPath, ...ENGINE, ...rights, "--input-type=module", "--eval", program];
    const drop = user ? ["--", String(user.uid), String(user.gid)] : [];
    this.#child = spawn("/bin/sh", ["-c", `${LIMITS}; exec "$@"`, "sh", ...node, ...drop], {
      cwd: sessionsDir,
      env: ENVIRONMENT,
      // Ctrl-C in the host's terminal is the host's affair.
      detached: true,
      stdio: ["pipe", "pipe", "pipe"],
    });
    // Writing to one that has just ended: `exit` tells.
    this.#child.stdin?.on("error", () => {});
    this.#child.stdout?.on("data", (bytes: Buffer) => this.#receive(bytes));
    this.#child.stderr?.on("data", (bytes: Buffer) => {
      this.#stderr = (this.#stderr + bytes.toString()).slice(-MAX_STDERR);
    });
    this.gone = new Promise((resolve) => {
      this.#child.on("error", ({ message }) => {
        this.#events.ended({ retired: false, why: message });
        resolve();
      });
      this.#child.on("exit", (code, signal) => {
        const why = `it ended with ${signal ?? `code ${code}`}. ${this.#stderr}`.trim();
        this.#events.ended({ retired: code === 0, why });
        resolve();
      });
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  ask(request: ReadRequest): void {
    this.#child.stdin?.write(frameOf(JSON.stringify(request)));
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }

  #receive(bytes: Buffer): void {
    this.#pieces.push(bytes);
    this.#received += bytes.length;
    if (this.#received < LENGTH_BYTES) return;
    if (this.#expected === 0) {
      this.#pieces = [Buffer.concat(this.#pieces)];
      this.#expected = LENGTH_BYTES + (this.#pieces[0]?.readUInt32LE() ?? 0);
    }
    // It answers once to each request: what says more than that, or too much, is not our program any more.
    if (this.#expected > LENGTH_BYTES + MAX_FRAME_BYTES || this.#received > this.#expected) this.kill();
    else if (this.#received === this.#expected) this.#take(Buffer.concat(this.#pieces).subarray(LENGTH_BYTES));
  }

  #take(text: Buffer): void {
    this.#pieces = [];
    this.#received = 0;
    this.#expected = 0;
    if (text.toString("latin1", 0, 20) === JSON.stringify(READY)) this.#events.ready();
    else this.#events.answered(text);
  }
}
