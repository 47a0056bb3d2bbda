/**
 * A real host as a process of its own, on a data folder of its own, with real containers. Everything it starts is
 * gone when the test ends: the process by its id, the containers by their label.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { TestContext } from "node:test";
import type { VerbInput, VerbName, VerbResult } from "../../api/verbs.ts";
import { ControlClient, HostDown } from "../../cli/client.ts";
import { hostArguments } from "../../src/lib/host-command.ts";
import { type Paths, pathsOf } from "../../src/lib/paths.ts";

const ROOT = resolve(import.meta.dirname, "../..");

export type Message = Extract<VerbResult<"chat.follow">, { type: "message" }>;

export interface TestHostOptions {
  /** Where the data goes instead of a new folder: a small disk, for example. The test removes it. */
  dataDir?: string;
  /** Environment on top of the test's own. */
  env?: Record<string, string>;
  /** What is run in place of src/main.ts: a host with more channels, for example. */
  main?: string;
}

export class TestHost {
  readonly paths: Paths;
  readonly client: ControlClient;
  readonly #env: NodeJS.ProcessEnv;
  readonly #main: string[];
  #process: ChildProcess | null = null;
  #said = 0;

  private constructor(dir: string, options: TestHostOptions) {
    this.#env = {
      ...process.env,
      NANOCLAW_DATA: options.dataDir ?? join(dir, "data"),
      NANOCLAW_RUN: join(dir, "run"),
      NANOCLAW_IMAGE: process.env.NANOCLAW_TEST_IMAGE ?? "nanoclaw-agent:latest",
      XDG_CONFIG_HOME: join(dir, "config"),
      NANOCLAW_LOG_LEVEL: "debug",
      // One for all: as after the first start of an installation.
      NODE_COMPILE_CACHE: join(tmpdir(), "nanoclaw-test-code"),
      ...options.env,
    };
    this.#main = options.main ? [...hostArguments.slice(0, -1), options.main] : hostArguments;
    this.paths = pathsOf(ROOT, this.#env);
    this.client = new ControlClient(this.paths.controlSocket);
  }

  /** Starts a host that is cleaned up with the test. */
  static async start(t: Pick<TestContext, "after">, options: TestHostOptions = {}): Promise<TestHost> {
    const dir = mkdtempSync(join(tmpdir(), "nc-"));
    const host = new TestHost(dir, options);
    t.after(async () => {
      await host.kill("SIGKILL");
      host.removeContainers();
      rmSync(dir, { recursive: true, force: true });
    });
    await host.up();
    return host;
  }

  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  /** Starts the process and waits until it answers. */
  async up(): Promise<void> {
    const child = spawn(process.execPath, this.#main, {
      cwd: ROOT,
      env: this.#env,
      stdio: ["ignore", "ignore", "pipe"],
    });
    this.#process = child;
    let stderr = "";
    child.stderr?.on("data", (chunk: Buffer) => {
      stderr = (stderr + chunk).slice(-4000);
    });
    for (;;) {
      if (child.exitCode !== null || child.signalCode !== null) throw new Error(`the host did not start: ${stderr}`);
      try {
        await this.client.call("chat.list", {});
        return;
      } catch (error) {
        if (!(error instanceof HostDown)) throw error;
        await pause(20);
      }
    }
  }

  /** Sends a signal and waits for the end of the process. */
  async kill(signal: NodeJS.Signals): Promise<void> {
    const child = this.#process;
    this.#process = null;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((done) => child.once("exit", done));
    child.kill(signal);
    await gone;
  }

  call<N extends VerbName>(verb: N, args: VerbInput<N>): Promise<VerbResult<N>> {
    return this.client.call(verb, args);
  }

  /** Makes the first agent; with the null provider unless told otherwise, and without waiting for its welcome. */
  async init(provider: "null" | "claude" = "null"): Promise<void> {
    await this.call("groups.init", { folder: "main", name: "Nano", timeZone: "UTC", provider });
  }

  /** Makes the first agent, run by the agent SDK and answered by this model; waits for its welcome. */
  async initWithModel({ address }: { address: string }): Promise<void> {
    await this.call("credentials.set", { name: "anthropic", kind: "api_key", secret: "word-for-tests" });
    await this.call("model.use", { model: "anthropic", address });
    await this.init("claude");
    await this.follow((all) => all.some(({ author }) => author === "agent"));
  }

  /** Says something. @returns the number of the message. */
  async say(text: string, chat = "main"): Promise<number> {
    this.#said += 1;
    const { n } = await this.call("chat.send", { chat, text, key: `test-${process.pid}-${this.#said}-${Date.now()}` });
    return n;
  }

  /** Messages of a chat from the beginning on, until `enough` says so. Fails after `ms` with what came. */
  async follow(enough: (messages: Message[]) => boolean, chat = "main", ms = 60_000): Promise<Message[]> {
    const messages: Message[] = [];
    const signal = AbortSignal.timeout(ms);
    for (;;) {
      try {
        const after = messages.at(-1)?.n ?? 0;
        for await (const event of this.client.stream("chat.follow", { chat, after }, { signal })) {
          if (event.type === "message") messages.push(event);
          if (enough(messages)) return messages;
        }
      } catch (error) {
        const heard = messages.map((message) => `${message.author}: ${message.text}`).join("\n");
        if (signal.aborted) throw new Error(`waited ${ms} ms in vain; heard:\n${heard}\n${this.logTail()}`);
        if (!(error instanceof HostDown)) throw error;
        await pause(20);
      }
    }
  }

  /** The message that answers message `n` for good. */
  async answer(n: number, chat = "main", ms = 60_000): Promise<Message> {
    const messages = await this.follow((all) => all.some((message) => message.answers.includes(n)), chat, ms);
    const answer = messages.find((message) => message.answers.includes(n));
    if (!answer) throw new Error("follow ended without the answer");
    return answer;
  }

  async ask(text: string, chat = "main", ms = 60_000): Promise<Message> {
    return this.answer(await this.say(text, chat), chat, ms);
  }

  /** Ids of the containers of this host's sessions. */
  containers(): string[] {
    return this.#containers().flatMap(([id = "", session]) => (session === "measuring" ? [] : [id]));
  }

  /** All of this host's, with the session of each; "measuring" looks into workspaces (parts/quota). */
  #containers(): string[][] {
    const filter = `label=nanoclaw.installation=${this.paths.installation}`;
    const asked = ["ps", "-a", "--filter", filter, "--format", '{{.ID}} {{.Label "nanoclaw.session"}}'];
    const lines = execFileSync("docker", asked, { encoding: "utf8" }).split("\n").filter(Boolean);
    return lines.map((line) => line.split(" "));
  }

  removeContainers(): void {
    const ids = this.#containers().map(([id = ""]) => id);
    if (ids.length > 0) execFileSync("docker", ["rm", "-f", ...ids], { stdio: "ignore" });
  }

  logTail(): string {
    try {
      return readFileSync(join(this.paths.logs, "host.log"), "utf8").slice(-6000);
    } catch {
      return "";
    }
  }
}

export const pause = (ms: number) => new Promise<void>((done) => setTimeout(done, ms));
