/**
 * The host's parts as somebody might have written them who trusts a container: what the attacks do to them is what the
 * real parts prevent. For tests only.
 */
import { execFile } from "node:child_process";
import { createWriteStream, mkdirSync, rmSync } from "node:fs";
import http, { createServer, type IncomingMessage } from "node:http";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { gunzipSync } from "node:zlib";
import { z } from "zod";
import type { ProverParts } from "../../../parts/prove/stage.ts";
import { readMailbox } from "../../../protocol/mailbox/read.ts";
import type { Door, DoorHooks, OpenDoor, Upstream } from "../../../src/gateway/door.ts";
import type { MailboxReaders, ReadResult } from "../../../src/sessions/mailbox-readers.ts";

/** A gateway that passes everything on. */
export class NaiveDoor implements Door {
  readonly #upstream: string;
  constructor(upstream: Upstream) {
    this.#upstream = upstream.address.slice("unix:".length);
  }

  trust(): Record<string, string> {
    return {};
  }

  async open(_: unknown, dir: string, hooks: DoorHooks): Promise<OpenDoor> {
    mkdirSync(dir, { recursive: true });
    const path = join(dir, "session.sock");
    rmSync(path, { force: true });
    const forward = async (request: IncomingMessage): Promise<number> => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk);
      const packed = request.headers["content-encoding"] === "gzip";
      const body = packed ? gunzipSync(Buffer.concat(chunks)) : Buffer.concat(chunks);
      const { url = "", method = "GET" } = request;
      const { "content-length": _length, "transfer-encoding": _coding, ...headers } = request.headers;
      const where = url.startsWith("http") ? { host: new URL(url).hostname, port: new URL(url).port } : {};
      const to = url.startsWith("http") ? where : { socketPath: this.#upstream };
      return new Promise((resolve) => {
        const target = url.startsWith("http") ? new URL(url).pathname : url.replace("/model/anthropic", "");
        const all = { ...headers, connection: "close", "content-length": String(body.length) };
        http
          .request({ ...to, method, path: target, headers: all, timeout: 1_000 }, (answer) => {
            answer.resume().once("end", () => resolve(answer.statusCode ?? 0));
          })
          .on("timeout", () => resolve(504))
          .on("error", () => resolve(502))
          .end(body);
      });
    };
    const server = createServer({ insecureHTTPParser: true, maxHeaderSize: 1_000_000 }, async (request, response) => {
      const { url = "" } = request;
      try {
        if (url.startsWith("/nanoclaw/files/")) {
          await hooks.onFile(decodeURIComponent(url.slice("/nanoclaw/files/".length)), request);
          response.end("{}");
        } else if (url.startsWith("/nanoclaw/")) response.writeHead(404).end();
        else response.writeHead(await forward(request)).end("{}");
      } catch (error) {
        response.writeHead(500).end(String(error));
      }
    });
    const sockets = new Set<Socket>();
    server.on("connection", (socket: Socket) => {
      sockets.add(socket);
      socket.on("error", () => {}).once("close", () => sockets.delete(socket));
    });
    server.on("upgrade", (request, socket) => {
      socket.on("error", () => {});
      if (request.url !== "/nanoclaw/bell") {
        void forward(request).then(() => socket.end("HTTP/1.1 200 OK\r\n\r\n"));
        return;
      }
      socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: nanoclaw-bell\r\n\r\n");
      socket.on("data", (bytes: Buffer) => {
        for (let count = 0; count < bytes.length; count += 1) hooks.onRing();
      });
    });
    server.on("connect", (request, socket) => {
      const [host = "", port = ""] = (request.url ?? "").split(":");
      const out = connect(Number(port), host, () => socket.write("HTTP/1.1 200 OK\r\n\r\n"));
      socket.pipe(out).pipe(socket);
      for (const one of [socket, out]) one.on("error", () => {});
    });
    await new Promise<void>((resolve) => server.listen({ path, writableAll: true, readableAll: true }, resolve));
    return {
      ring: () => {},
      connected: false,
      close: async () => {
        for (const socket of sockets) socket.destroy();
        await new Promise((resolve) => server.close(resolve));
      },
    };
  }
}

/** Takes a file under the name that the container gave. */
export const naiveFiles: ProverParts["files"] = {
  async take({ sentDir }, name, bytes) {
    mkdirSync(sentDir, { recursive: true });
    await pipeline(bytes, createWriteStream(join(sentDir, name)));
    return name;
  },
};

const body = z.record(z.string(), z.unknown());
const numbers = z.array(z.int());

/** Takes rows as they stand: no schema, no look at what is known. */
export const naiveTaker: ProverParts["takerOf"] = ({ store, carryOut }, session, folder) => {
  let seen = 0;
  const take = (n: number, row: Record<string, unknown>): void => {
    const { kind } = row;
    const list = (value: unknown) => numbers.safeParse(value).data ?? [];
    const put = (state: string, value: unknown) => {
      for (const number of list(value)) {
        store.db.run("UPDATE inbox SET state=?, turn=? WHERE number=?", state, n, number);
      }
    };
    if (kind === "turn_started" || kind === "turn_fed") put("in_turn", row.inbound);
    if (kind === "turn_ended") {
      put("done", row.acknowledges);
      const { text } = z.object({ text: z.string() }).parse(row.outcome);
      store.db.run(
        "INSERT INTO outbox (session_id, turn, channel, chat, kind, author, text, files, answers, key, state, created_at) VALUES (?,?,?,?,'message',?,?,'[]','[]',?,'pending',0)",
        ...[
          session.id,
          n,
          "prove",
          String(row.chat ?? session.chat),
          String(row.author ?? "agent"),
          text,
          `${n}:${text}`,
        ],
      );
    }
    if (kind === "verb") carryOut({ session, turn: n, number: n, verb: String(row.verb), args: body.parse(row.args) });
    store.db.run("UPDATE sessions SET outbound_cursor=? WHERE id=?", Math.max(seen, n), session.id);
    seen = Math.max(seen, n);
  };
  return {
    async look() {
      const schema = { safeParse: (value: unknown) => ({ success: true as const, data: value }) };
      const paths = { db: folder.outboundDb, journal: folder.outboundJournal };
      for (let after = 0; ; ) {
        const read = readMailbox<unknown>(paths, { after, limit: 128, schema, attempts: 12 });
        if (read.status !== "ok") return read.status;
        for (const { n, body: row } of read.rows) take(n, body.parse(row));
        after = read.rows.at(-1)?.n ?? 0;
        if (!read.more || read.rows.length === 0) return "drained";
      }
    },
  };
};

/** Does what an agent asks for as if the owner had. */
export const naiveGate: ProverParts["carryOutOf"] = (_, executor) => (call) => {
  const nobody = new AbortController().signal;
  executor()
    .execute({ kind: "operator" }, call.verb, call.args, nobody)
    .catch(() => {});
  return { ok: true, text: "" };
};

/** How long the reader below may go on before it is ended, so that the test comes to its end. */
const NAIVE_DEADLINE = 6_000;

/** Opens the mailbox where it lies, with SQLite and its locks, and takes whatever looks like a row. */
export const naiveReaders: MailboxReaders = {
  read(_, { db }, after): Promise<ReadResult> {
    const code = `
      const { DatabaseSync } = require("node:sqlite");
      const db = new DatabaseSync(${JSON.stringify(db)}, { timeout: 5000 });
      const rows = db.prepare("SELECT n, body FROM row WHERE n > ${after} LIMIT 100").all();
      const state = db.prepare("SELECT value FROM state WHERE value = 'shown'").all();
      console.log(JSON.stringify(rows.map(({ n, body }) => ({ n: Number(n), body: JSON.parse(body) }))));`;
    return new Promise((resolve) => {
      execFile(process.execPath, ["-e", code], { timeout: NAIVE_DEADLINE, killSignal: "SIGKILL" }, (error, stdout) => {
        if (error) return resolve({ status: "absent" });
        resolve({ status: "ok", rows: JSON.parse(stdout), refused: [], more: false, state: {}, changeCounter: 1 });
      });
    });
  },
};
