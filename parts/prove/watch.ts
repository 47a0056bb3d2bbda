/**
 * What the host watches while the container is attacked from inside: servers that must never hear of it, a process that
 * must stay unseen, and a neighbour that must be answered. Everything listens on loopback or under a private path.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import http, { createServer } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Server } from "node:net";
import { hostname } from "node:os";
import { join } from "node:path";

/** Between two requests of the neighbour, milliseconds. */
const NEIGHBOUR_EVERY = 100;
const SHARED_MEMORY = "/dev/shm";
/** The secret that is hidden begins so; the parts are joined where it is looked for, so that the search finds not itself. */
const PREFIX = ["nanoclaw", "canary"];

export class Watch {
  readonly secretPrefix = PREFIX;
  readonly secret = `${PREFIX.join("-")}-${randomBytes(12).toString("hex")}`;
  readonly marker = `nanoclaw-prove-${randomBytes(8).toString("hex")}`;
  readonly abstractName = `${this.marker}-abstract`;
  readonly hostName = hostname();
  readonly hasSharedMemory = existsSync(SHARED_MEMORY);
  /** What came to the servers on loopback. */
  readonly loopback: string[] = [];
  port = 0;
  port6: number | null = null;
  rings = 0;
  /** Of the neighbour's requests since the attack began, milliseconds. */
  slowest = 0;
  readonly upstreamSocket: string;
  readonly #upstream: string[] = [];
  readonly #marks = new Map<string, string>();
  readonly #servers: Server[] = [];
  readonly #uid: number | null;
  #process: ChildProcess | null = null;
  #asking: NodeJS.Timeout | null = null;

  /** @param dir a private folder @param uid whom the process that must stay unseen runs as; null for the host's own user */
  constructor(dir: string, uid: number | null) {
    this.upstreamSocket = join(dir, "upstream.sock");
    this.#uid = uid;
  }

  async start(): Promise<void> {
    const upstream = createServer({ maxHeaderSize: 1_000_000 }, (request, response) => {
      let body = "";
      request.setEncoding("latin1").on("data", (chunk: string) => {
        if (body.length < 1_000_000) body += chunk;
      });
      request.on("end", () => {
        this.#upstream.push(`${request.method} ${request.url}\n${request.rawHeaders.join("\n")}\n${body}`);
        response.writeHead(200, { "content-type": "application/json" }).end('{"type":"message","content":[]}');
      });
      request.on("error", () => {});
    });
    await this.#listen(upstream, { path: this.upstreamSocket });
    const loopback = () =>
      createTcpServer((socket) => {
        this.loopback.push("connected");
        socket.on("data", (data) => this.loopback.push(data.toString("latin1").slice(0, 2_000)));
        socket.on("error", () => {});
        socket.setTimeout(5_000, () => socket.destroy());
      });
    this.port = await this.#listen(loopback(), { host: "127.0.0.1", port: 0 });
    this.port6 = await this.#listen(loopback(), { host: "::1", port: 0 }).catch(() => null);
    await this.#listen(loopback(), { path: `\0${this.abstractName}` });
    if (this.hasSharedMemory) writeFileSync(join(SHARED_MEMORY, this.marker), this.marker, { mode: 0o644 });
    // Waits for the end of its input, and so ends with the host; its name and environment can be recognised.
    this.#process = spawn("/bin/sh", ["-c", 'read -r _; : "$1"', "sh", this.marker], {
      stdio: ["pipe", "ignore", "ignore"],
      env: { NANOCLAW_MARK: this.marker },
      ...(this.#uid !== null && { uid: this.#uid, gid: this.#uid }),
    });
    await once(this.#process, "spawn");
  }

  get processId(): number {
    return this.#process?.pid ?? 0;
  }

  get processRuns(): boolean {
    return this.#process?.exitCode === null && this.#process.signalCode === null;
  }

  /** A new attack begins. */
  reset(): void {
    this.rings = 0;
    this.slowest = 0;
    this.loopback.length = 0;
    this.#upstream.length = 0;
  }

  /** A word by which what this attack sends is known again. */
  mark(id: string): string {
    const known = this.#marks.get(id) ?? `mark-${randomBytes(8).toString("hex")}`;
    this.#marks.set(id, known);
    return known;
  }

  isMarked(id: string, text: string): boolean {
    return text.includes(this.mark(id));
  }

  /** The attack's mark came to the model's provider, or to a server of the host. */
  saw(id: string): boolean {
    return [...this.#upstream, ...this.loopback].some((text) => this.isMarked(id, text));
  }

  /** A neighbour asks the gateway for something again and again, and notes how long it waits. */
  askBeside(socketPath: string): void {
    let asking = 0;
    this.#asking = setInterval(() => {
      // One that still waits is told by its age.
      if (asking > 0) {
        this.slowest = Math.max(this.slowest, performance.now() - asking);
        return;
      }
      asking = performance.now();
      const done = () => {
        if (asking > 0) this.slowest = Math.max(this.slowest, performance.now() - asking);
        asking = 0;
      };
      http
        .get({ socketPath, path: "/nanoclaw/nothing", agent: false }, (answer) => answer.resume().once("end", done))
        .once("error", done);
    }, NEIGHBOUR_EVERY);
  }

  async stop(): Promise<void> {
    if (this.#asking) clearInterval(this.#asking);
    rmSync(join(SHARED_MEMORY, this.marker), { force: true });
    this.#process?.kill("SIGKILL");
    await Promise.all(
      this.#servers.map((server) => {
        if (server instanceof http.Server) server.closeAllConnections();
        return new Promise<void>((resolve) => server.close(() => resolve()));
      }),
    );
  }

  async #listen(server: Server, where: { path: string } | { host: string; port: number }): Promise<number> {
    server.listen(where);
    await once(server, "listening");
    this.#servers.push(server);
    return (server.address() as AddressInfo | null)?.port ?? 0;
  }
}
