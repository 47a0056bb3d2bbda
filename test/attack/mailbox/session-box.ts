/** A session's mailbox folder and containers with exactly the mailbox mounts that a session has. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { inside } from "../../../protocol/layout.ts";

const project = resolve(import.meta.dirname, "../../..");
const isRoot = process.getuid?.() === 0;
/** As the host does it: a uid of their own where the host is root, else the host's. */
export const containerUid = isRoot ? 700_123 : (process.getuid?.() ?? 1000);
/** Whom a root host's readers become; the mailbox files belong to its group. */
export const readerUser = isRoot ? { uid: 700_000, gid: 700_000 } : null;

/** @returns the image for these tests. @throws with the next step where it is not there */
export function testImage(): string {
  const image = process.env.NANOCLAW_TEST_IMAGE ?? "nanoclaw-agent:latest";
  try {
    execFileSync("docker", ["image", "inspect", image], { stdio: ["ignore", "ignore", "pipe"] });
  } catch (error) {
    const { stderr = "" } = error as { stderr?: Buffer | string };
    throw new Error(
      `no image ${image}: build it with container/build.sh, or name one with bun in NANOCLAW_TEST_IMAGE. ${stderr}`,
    );
  }
  return image;
}

/** @param inMemory in /dev/shm where there is one, so that a slow disk is not taken for an attack */
export function sessionsDir(inMemory = false): string {
  const parent = inMemory && existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
  const dir = mkdtempSync(join(realpathSync(parent), "nanoclaw-mailbox-"));
  chmodSync(dir, 0o711);
  return dir;
}

export class SessionBox {
  readonly inboundDb: string;
  readonly outbound: { db: string; journal: string };
  readonly #inDir: string;
  #containers = 0;
  readonly #name: string;

  constructor(sessions: string, name: string) {
    this.#name = `nanoclaw-test-mailbox-${process.pid}-${name}`;
    this.#inDir = join(sessions, name, "in");
    const outDir = join(sessions, name, "out");
    for (const dir of [this.#inDir, outDir]) mkdirSync(dir, { recursive: true, mode: 0o755 });
    this.inboundDb = join(this.#inDir, "inbound.db");
    this.outbound = { db: join(outDir, "outbound.db"), journal: join(outDir, "outbound.db-journal") };
    for (const file of Object.values(this.outbound)) {
      writeFileSync(file, "", { mode: 0o640 });
      if (readerUser) chownSync(file, containerUid, readerUser.gid);
    }
  }

  /** Starts a container that runs a script of this folder with Bun. */
  start(runtime: string, script: string, ...args: string[]): Container {
    this.#containers += 1;
    const name = `${this.#name}-${this.#containers}`;
    const mount = (source: string, target: string, mode = ",readonly") => [
      "--mount",
      `type=bind,src=${source},dst=${target}${mode}`,
    ];
    const code = ["protocol", "container/probe", "test/attack/mailbox"].flatMap((folder) =>
      mount(join(project, folder), `/app/${folder}`),
    );
    const box = [
      ...["--name", name, "--label", "nanoclaw.test=1", "--runtime", runtime, "--init", "--network", "none"],
      ...["--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--pids-limit", "128"],
      ...["--memory", "512m", "--user", `${containerUid}:${containerUid}`, "--tmpfs", "/tmp:size=64m,mode=1777"],
      ...mount(this.#inDir, inside.inboundDir),
      ...mount(this.outbound.db, inside.outboundDb, ""),
      ...mount(this.outbound.journal, inside.outboundJournal, ""),
    ];
    const command = [testImage(), "bun", `/app/test/attack/mailbox/${script}`, ...args];
    return new Container(name, spawn("docker", ["run", "--rm", "-i", ...box, ...code, ...command]));
  }
}

export class Container {
  readonly #name: string;
  readonly #process: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #ended: Promise<void>;
  #stderr = "";
  #over = false;

  constructor(name: string, process: ChildProcess) {
    this.#name = name;
    this.#process = process;
    if (!process.stdout) throw new Error("docker has no stdout");
    this.#lines = createInterface({ input: process.stdout })[Symbol.asyncIterator]();
    process.stderr?.on("data", (text) => {
      this.#stderr += text;
    });
    this.#ended = new Promise((resolve) => {
      process.once("exit", () => {
        this.#over = true;
        resolve();
      });
    });
  }

  /** Whoever waits for what it writes waits for ever once it is gone. @throws Error with what it complained of */
  mustRun(): void {
    if (this.#over) throw new Error(`the container ended: ${this.#stderr}`);
  }

  /** What the container has complained of so far. */
  get stderr(): string {
    return this.#stderr;
  }

  /** Sends a line, where one is given, and waits for the next line of its answer. */
  async ask(line?: string): Promise<Record<string, string>> {
    if (line !== undefined) this.#process.stdin?.write(`${line}\n`);
    const { value, done } = await this.#lines.next();
    if (done) throw new Error(`the container ended: ${this.#stderr}`);
    return JSON.parse(value);
  }

  /** Kills it with SIGKILL; resolves when it is gone. What runs in it may write before the engine counts it as running. */
  async kill(): Promise<void> {
    while (!this.#over) {
      const failed = await run("docker", ["kill", "--signal", "KILL", this.#name]).catch((error: Error) => error);
      if (!failed) break;
      if (!this.#over && !/is not running|No such container/.test(failed.message)) throw failed;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    await this.#ended;
  }

  /** Removes what is left, whatever state it is in. */
  async remove(): Promise<void> {
    await run("docker", ["rm", "-f", this.#name]);
    await this.#ended;
  }
}

export function removeDir(dir: string): void {
  rmSync(dir, { recursive: true, force: true });
}

/** @throws Error with what it said */
function run(file: string, args: string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { stdio: ["ignore", "ignore", "pipe"] });
    let said = "";
    child.stderr.on("data", (text) => {
      said += text;
    });
    child.once("close", (code) =>
      code === 0 ? resolve() : reject(new Error(`${file} ${args.join(" ")}: ${said.trim() || code}`)),
    );
  });
}
