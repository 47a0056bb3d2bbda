/**
 * The control API: every verb over HTTP on a Unix socket that only the owner's account can open. A stream answers one
 * JSON object a line until the caller hangs up.
 */
import { chmodSync, mkdirSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { createConnection } from "node:net";
import { dirname } from "node:path";
import { getRequestListener } from "@hono/node-server";
import { type Context, Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { stream } from "hono/streaming";
import { type Executor, failureOf } from "../control/execute.ts";
import { Misuse } from "../lib/errors.ts";
import type { Log } from "../lib/log.ts";

/** Largest request: a message of the longest text, every character escaped. */
const MAX_BODY = 2_000_000;
/** Of a larger one so much is read before the sender is cut off. */
const MOST_DROPPED = 200_000_000;

export function controlApp(executor: Executor, log: Log): Hono {
  const app = new Hono();
  const limit = bodyLimit({ maxSize: MAX_BODY, onError: refuseLarge });
  app.post("/v1/verbs/:name", limit, async (c) => {
    const name = c.req.param("name");
    try {
      const input = await c.req.json<unknown>().catch(() => undefined);
      if (input === undefined)
        throw new Misuse("the request is not JSON", "Send a JSON object with the verb's arguments.");
      const outcome = await executor.execute({ kind: "operator" }, name, input, c.req.raw.signal);
      if (!outcome.stream) return c.json({ ok: true, result: outcome.result });
      c.header("content-type", "application/x-ndjson");
      return stream(c, async (out) => {
        const lines = outcome.lines[Symbol.asyncIterator]();
        out.onAbort(() => void lines.return?.());
        for (let line = await lines.next(); !line.done && !out.aborted; line = await lines.next()) {
          await out.write(`${JSON.stringify(line.value)}\n`);
        }
      });
    } catch (error) {
      const failure = failureOf(error);
      if (failure.code === "failed")
        log.error({ verb: name, error: String(error), stack: (error as Error).stack }, "verb failed");
      return c.json({ ok: false, error: failure }, failure.code === "failed" ? 500 : 400);
    }
  });
  app.notFound((c) => c.json({ ok: false, error: notFound }, 404));
  return app;
}

/** Answers at once, and reads what still comes to its end: a sender that is cut off in the middle would not see the answer. */
function refuseLarge(c: Context): Response {
  c.status(413);
  c.header("content-type", "application/json");
  return stream(c, async (out) => {
    await out.write(JSON.stringify(tooLarge));
    let dropped = 0;
    for await (const chunk of (c.req.raw.body ?? []) as AsyncIterable<Uint8Array>) {
      dropped += chunk.length;
      if (dropped > MOST_DROPPED) break;
    }
  });
}

const notFound = {
  code: "unknown_verb",
  message: "there is nothing here",
  hint: "Verbs are at POST /v1/verbs/<name>.",
};
const tooLarge = {
  ok: false,
  error: {
    code: "bad_arguments",
    message: `the request is larger than ${MAX_BODY} bytes`,
    hint: "Shorten it, or put long text in a file.",
  },
};

/**
 * Listens on the control socket, made private to this account.
 * @throws Misuse when something else answers there
 */
export async function listen(app: Hono, socket: string, log: Log): Promise<Server> {
  mkdirSync(dirname(socket), { recursive: true, mode: 0o700 });
  if (await answers(socket)) throw new Misuse(`another program listens on ${socket}`, "Stop it, or see `ncl status`.");
  rmSync(socket, { force: true });
  const server = createServer({ headersTimeout: 10_000, maxHeaderSize: 16_384 }, getRequestListener(app.fetch));
  server.on("clientError", (_error, connection) =>
    connection.end("HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n"),
  );
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(socket, resolve);
  });
  chmodSync(socket, 0o600);
  server.on("error", (error) => log.error({ error: String(error) }, "control socket"));
  return server;
}

function answers(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createConnection(socket);
    probe.once("connect", () => resolve(true)).once("connect", () => probe.destroy());
    probe.once("error", () => resolve(false));
  });
}
