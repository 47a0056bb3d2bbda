/**
 * A host that may die at any moment, its containers, and a client that doesn't give up: what was not acknowledged is
 * said again with the same key. The client remembers what was acknowledged, to hold the host to it.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { fileURLToPath } from "node:url";
import type { VerbInput, VerbName, VerbResult } from "../../api/verbs.ts";
import { ControlClient, HostDown, VerbError } from "../../cli/client.ts";
import { readMailbox } from "../../protocol/mailbox/read.ts";
import { outboundBody } from "../../protocol/rows.ts";
import { hostArguments } from "../../src/lib/host-command.ts";
import { type Paths, pathsOf } from "../../src/lib/paths.ts";
import { Containers } from "./containers.ts";
import { type Note, Paper } from "./paper.ts";
import type { Recording, Target } from "./points.ts";

/** As a host is run by itself. */
const HOST_FLAGS = hostArguments.slice(0, -1);

export const ROOT = resolve(import.meta.dirname, "../..");
const HOOK = fileURLToPath(new URL("./hook.ts", import.meta.url));
const PATIENCE = 60_000;
/** Milliseconds between two looks. */
const LOOK = 20;

/** The host was killed, by its hook or by the test. */
export class HostDied extends Error {
  override readonly name = "HostDied";
}

/** The host ended without having been told to, or does not do what it must: a promise is broken. */
export class Broken extends Error {
  override readonly name = "Broken";
}

export interface Said {
  chat: string;
  text: string;
  key: string;
  /** Its number, once it was acknowledged. */
  n: number | null;
}

export interface WorldOptions {
  /** The project whose host runs; a mutated copy of this one, or this one itself. */
  root?: string;
  target?: Target;
  /** What happens inside of containers (see inside/hook.ts). */
  inside?: object;
  /** More variables for the host. @param data its data folder */
  env?: (data: string) => Record<string, string>;
}

export class World {
  readonly dir = mkdtempSync(join(tmpdir(), "nc-crash-"));
  readonly paths: Paths;
  readonly said: Said[] = [];
  readonly paper = new Paper(join(this.dir, "paper"));
  /** Chats whose stop was acknowledged. */
  readonly stopped = new Set<string>();
  /** What was said on paper. */
  readonly notes: Note[] = [];
  readonly #options: WorldOptions;
  readonly #root: string;
  readonly #env: NodeJS.ProcessEnv;
  readonly #client: ControlClient;
  readonly containers: Containers;
  #host: ChildProcess | null = null;
  #database: DatabaseSync | null = null;
  #runs = 0;
  #stderr = "";
  /** The hook killed the host where it was told to. */
  struck = false;
  /** Milliseconds after which something that should have come counts as not coming. */
  patience = PATIENCE;
  /** The last host process did not end in an orderly way. */
  died = false;

  constructor(options: WorldOptions = {}) {
    this.#options = options;
    this.#root = options.root ?? ROOT;
    this.#env = {
      ...process.env,
      NANOCLAW_DATA: join(this.dir, "data"),
      NANOCLAW_RUN: join(this.dir, "run"),
      NANOCLAW_IMAGE: "nanoclaw-agent:latest",
      XDG_CONFIG_HOME: join(this.dir, "config"),
      NANOCLAW_LOG_LEVEL: "debug",
      NODE_COMPILE_CACHE: join(tmpdir(), "nanoclaw-test-code"),
      ...options.env?.(join(this.dir, "data")),
    };
    this.paths = pathsOf(this.#root, this.#env);
    mkdirSync(join(this.dir, "points"));
    this.containers = new Containers(this.paths.installation);
    this.#client = new ControlClient(this.paths.controlSocket);
  }

  get alive(): boolean {
    return this.#host !== null && this.#host.exitCode === null && this.#host.signalCode === null;
  }

  /** Starts the next host process of the scenario, with the hook, and waits until it answers. */
  async start(): Promise<void> {
    const number = this.#runs;
    this.#runs += 1;
    const { target, inside } = this.#options;
    const here = target?.run === number && !this.struck;
    await this.#spawn(["--import", HOOK], {
      NANOCLAW_CRASH_RECORD: this.#recordOf(number),
      ...(here && { NANOCLAW_CRASH_AT: JSON.stringify(target) }),
      ...(inside && { NANOCLAW_CRASH_INSIDE: JSON.stringify(inside) }),
    });
  }

  /** Starts a host as a person would: without the hook. */
  restart(): Promise<void> {
    return this.#spawn([], {});
  }

  /** Starts a host and kills it after so many milliseconds, in the middle of taking over what is there. */
  async restartFor(ms: number): Promise<void> {
    this.#launch([], {});
    await pause(ms);
    if (!this.alive) throw new Broken(`the host ended by itself: ${this.#stderr}`);
    await this.kill("SIGKILL");
  }

  async #spawn(flags: string[], env: Record<string, string>): Promise<void> {
    this.#launch(flags, env);
    await this.call("chat.list", {});
  }

  #launch(flags: string[], env: Record<string, string>): void {
    this.#look(null);
    const child = spawn(process.execPath, [...HOST_FLAGS, ...flags, join(this.#root, "test", "crash", "host.ts")], {
      env: { ...this.#env, ...env },
      stdio: ["ignore", "ignore", "pipe"],
    });
    this.#host = child;
    this.#stderr = "";
    this.died = false;
    child.stderr.on("data", (chunk: Buffer) => {
      this.#stderr = (this.#stderr + chunk).slice(-4000);
    });
  }

  /** Sends a signal and waits for the end of the process. */
  async kill(signal: NodeJS.Signals): Promise<void> {
    const child = this.#host;
    if (!child || !this.alive) return;
    this.#look(null);
    const gone = new Promise((done) => child.once("exit", done));
    child.kill(signal);
    await gone;
    this.died = child.signalCode === "SIGKILL";
    if (signal !== "SIGKILL" && this.died) this.#hostDied();
  }

  #hostDied(): never {
    this.#look(null);
    const { exitCode, signalCode } = this.#host ?? {};
    if (signalCode !== "SIGKILL")
      throw new Broken(`the host ended by itself, ${signalCode ?? `code ${exitCode}`}: ${this.#stderr}`);
    this.died = true;
    if (this.#options.target) this.struck = true;
    throw new HostDied("the host was killed");
  }

  /** Asks for a verb until the host answers. @throws HostDied */
  async call<N extends VerbName>(verb: N, args: VerbInput<N>): Promise<VerbResult<N>> {
    for (;;) {
      while (this.alive && !existsSync(this.paths.controlSocket)) await pause(LOOK);
      try {
        return await this.#client.call(verb, args);
      } catch (error) {
        const mayCome = error instanceof HostDown || (error instanceof VerbError && error.code === "unavailable");
        if (!mayCome) throw error;
        if (!this.alive) this.#hostDied();
        await pause(LOOK);
      }
    }
  }

  /** Says something. What is not acknowledged because the host dies is said again by `sayAgain`. */
  async say(chat: string, text: string): Promise<Said> {
    const said: Said = { chat, text, key: `crash-test-${this.said.length}`, n: null };
    this.said.push(said);
    await this.#send(said);
    return said;
  }

  /** Stops what runs in a chat. */
  async stop(chat: string): Promise<void> {
    await this.call("chat.stop", { chat });
    this.stopped.add(chat);
  }

  /** Says something on paper: it lies there until the host takes it. */
  write(text: string): Note {
    const note: Note = { id: `note-${this.notes.length}`, text };
    this.notes.push(note);
    this.paper.write(note);
    return note;
  }

  async sayAgain(): Promise<void> {
    for (const said of this.said) if (said.n === null) await this.#send(said);
  }

  async #send(said: Said): Promise<void> {
    const { chat, text, key } = said;
    said.n = (await this.call("chat.send", { chat, text, key })).n;
  }

  /** Rows of the central database; none before it is there. */
  query<Row>(sql: string, ...values: SQLInputValue[]): Row[] {
    try {
      const db = this.#database ?? new DatabaseSync(this.paths.database, { readOnly: true, timeout: 2000 });
      this.#look(db);
      return db.prepare(sql).all(...values) as Row[];
    } catch (error) {
      if (/unable to open|no such table/.test(String(error))) return [];
      throw error;
    }
  }

  /** Keeps the database open for the next look, or, with null, lets a host that starts or ends be alone with it. */
  #look(db: DatabaseSync | null): void {
    if (db === this.#database) return;
    this.#database?.close();
    this.#database = db;
  }

  /** Waits until `done`. @throws HostDied, or Broken after `ms` */
  async until(what: string, done: () => boolean, ms = this.patience): Promise<void> {
    const deadline = Date.now() + ms;
    while (!done()) {
      if (!this.alive) this.#hostDied();
      if (Date.now() > deadline) throw new Broken(`after ${ms / 1000} s still not so: ${what}`);
      await pause(LOOK);
    }
  }

  answered({ n }: Said): boolean {
    const sql = "SELECT 1 FROM terminal_messages, json_each(answers) WHERE value = ?";
    return n !== null && this.query(sql, n).length > 0;
  }

  answeredOnPaper({ id }: Note): boolean {
    return this.paper.printed().some(({ answers }) => answers.includes(id));
  }

  /** Whether an agent has the message, as far as the host knows; on a slow machine it may have ended already. */
  begun({ n }: Said): boolean {
    const sql =
      "SELECT 1 FROM inbox i JOIN inbound_events e ON e.id = i.event_id WHERE e.platform_id = ? AND i.state <> 'queued'";
    return n !== null && this.query(sql, String(n)).length > 0;
  }

  sessionOf(chat: string): string {
    return this.query<{ id: string }>("SELECT id FROM sessions WHERE chat = ?", chat)[0]?.id ?? "";
  }

  /** Waits, without a host, until a turn has ended in the mailbox of the session's container. */
  async endedInside(session: string): Promise<void> {
    const [db = ""] = globSync(join(this.paths.sessions, "*", session, "out", "outbound.db"));
    const deadline = Date.now() + PATIENCE;
    const how = { after: 0, limit: 100, schema: outboundBody, attempts: 1 };
    for (;;) {
      const read = readMailbox({ db, journal: `${db}-journal` }, how);
      if (read.status === "ok" && read.rows.some(({ body }) => body.kind === "turn_ended")) return;
      if (Date.now() > deadline) throw new Error(`no turn has ended in ${db}`);
      await pause(LOOK);
    }
  }

  #recordOf(number: number): string {
    return join(this.dir, "points", String(number));
  }

  /** The points that the host processes with the hook have passed. */
  recording(): Recording {
    return Array.from({ length: this.#runs }, (_, number) => {
      try {
        return readFileSync(this.#recordOf(number), "utf8").split("\n").filter(Boolean);
      } catch {
        return [];
      }
    });
  }

  logTail(): string {
    try {
      return readFileSync(join(this.paths.logs, "host.log"), "utf8").slice(-4000);
    } catch {
      return "";
    }
  }

  /** Ends everything that this world started and leaves nothing of it. */
  async remove(): Promise<void> {
    await this.kill("SIGKILL").catch(() => {});
    this.#look(null);
    await this.containers.remove();
    rmSync(this.dir, { recursive: true, force: true });
  }
}

export const pause = (ms: number) => new Promise<void>((done) => setTimeout(done, ms));
