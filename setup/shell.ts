/** Runs commands for the set-up. All that they say goes to the log, and to nobody's terminal. Never given a secret. */
import { spawn } from "node:child_process";
import { appendFileSync, mkdirSync, statSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { Misuse } from "../src/lib/errors.ts";

/** Size above which the log of earlier runs is thrown away at the start of a run. */
const LOG_LIMIT_BYTES = 5_000_000;
/** Output kept of one command; what it said last is at the end. */
const KEEP_CHARACTERS = 200_000;

export interface Ran {
  /** Exit code; 127 where there is no such command, 124 where it was stopped at its deadline. */
  code: number;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  /** Text for its standard input; else it has none. */
  input?: string;
  /** Milliseconds after which it is killed. */
  deadline?: number;
  /** Called with each line of its output. */
  onLine?: (line: string) => void;
}

export class Shell {
  readonly logFile: string;
  readonly #env: NodeJS.ProcessEnv;
  readonly #clearTerminal: () => void;

  /**
   * @param logs the folder for `setup.log`
   * @param clearTerminal called before a command gets the terminal
   */
  constructor(logs: string, env: NodeJS.ProcessEnv, clearTerminal: () => void = () => {}) {
    this.#clearTerminal = clearTerminal;
    mkdirSync(logs, { recursive: true, mode: 0o700 });
    this.logFile = join(logs, "setup.log");
    this.#env = {
      ...env,
      // A plain user's PATH often lacks the folders of the system's own tools.
      PATH: `${env.PATH ?? ""}:/usr/local/sbin:/usr/sbin:/sbin`,
      // The host does not read contexts of the docker command, so what is tried here must not depend on them.
      DOCKER_HOST: env.DOCKER_HOST ?? "unix:///var/run/docker.sock",
    };
    if ((statSync(this.logFile, { throwIfNoEntry: false })?.size ?? 0) > LOG_LIMIT_BYTES) truncateSync(this.logFile);
  }

  log(text: string): void {
    appendFileSync(this.logFile, `${new Date().toISOString()} ${text.trimEnd()}\n`, { mode: 0o600 });
  }

  /** Runs a command to its end. Failing is an answer here, not an exception. */
  run(command: readonly string[], options: RunOptions = {}): Promise<Ran> {
    const [file = "", ...args] = command;
    this.log(`$ ${command.join(" ")}`);
    return new Promise((resolve) => {
      const child = spawn(file, args, {
        cwd: options.cwd,
        env: { ...this.#env, ...options.env },
        stdio: ["pipe", "pipe", "pipe"],
        ...(options.deadline ? { timeout: options.deadline, killSignal: "SIGKILL" as const } : {}),
      });
      const said = { stdout: "", stderr: "" };
      const hear = (name: "stdout" | "stderr") => (chunk: string) => {
        said[name] = (said[name] + chunk).slice(-KEEP_CHARACTERS);
        this.log(chunk);
        for (const line of chunk.split(/[\r\n]+/)) if (options.onLine && line.trim()) options.onLine(line.trim());
      };
      child.stdout.setEncoding("utf8").on("data", hear("stdout"));
      child.stderr.setEncoding("utf8").on("data", hear("stderr"));
      // A command that ends without reading its input is not an error of ours.
      child.stdin.on("error", () => {}).end(options.input ?? "");
      child.once("error", (error) => resolve({ code: 127, stdout: said.stdout, stderr: error.message }));
      child.once("close", (code) => {
        if (code !== 0) this.log(`(exit ${code ?? "by signal"})`);
        resolve({ code: code ?? 124, ...said });
      });
    });
  }

  /** Like `run`, for commands that must succeed.
   * @throws Misuse with the last lines it said, and `hint` as the next step */
  async must(command: readonly string[], hint: string, options: RunOptions = {}): Promise<Ran> {
    const ran = await this.run(command, options);
    if (ran.code === 0) return ran;
    throw new Misuse(`${command.slice(0, 3).join(" ")} failed: ${lastWords(ran)}`, hint);
  }

  /** Runs a command that owns the terminal, until it ends or `stop` ends it. Resolves to its exit code. */
  hand(command: readonly string[], cwd: string, stop?: AbortSignal): Promise<number> {
    const [file = "", ...args] = command;
    this.log(`$ ${command.join(" ")} (on the terminal)`);
    this.#clearTerminal();
    return new Promise((resolve) => {
      const child = spawn(file, args, { cwd, env: this.#env, stdio: "inherit", ...(stop ? { signal: stop } : {}) });
      child.once("error", () => resolve(127));
      child.once("close", (code, signal) => resolve(code ?? (signal === "SIGINT" ? 130 : 1)));
    });
  }
}

/** The end of what a command said, on one line: stderr if it said anything there. */
export function lastWords(ran: Ran): string {
  const said = ran.stderr.trim() || ran.stdout.trim() || `exit code ${ran.code}`;
  return said.split("\n").slice(-3).join(" | ").slice(-500);
}
