/** Answers the control API on a socket of its own, with what a test tells it to. */
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { ControlClient } from "../../cli/client.ts";
import { pathsOf } from "../../src/lib/paths.ts";
import { defaults } from "../questions.ts";
import { Shell } from "../shell.ts";
import type { Context } from "../step.ts";

/** A result; or lines of a stream, after which it stays open as the real one does. */
type Answer = (args: Record<string, unknown>) => unknown;
export const lines = (...events: unknown[]) => ({ lines: events });

/** Everything that a step gets, on a data folder of its own, with a host that gives `answers`. */
export async function standInHost(t: TestContext, answers: Record<string, Answer>) {
  const folder = mkdtempSync(join(tmpdir(), "nanoclaw-setup-"));
  const env = { NANOCLAW_DATA: join(folder, "data"), NANOCLAW_RUN: folder, XDG_CONFIG_HOME: folder };
  const paths = pathsOf(undefined, env);
  const asked: { verb: string; args: Record<string, unknown> }[] = [];
  const server = createServer(async (request, response) => {
    const verb = request.url?.slice("/v1/verbs/".length) ?? "";
    const args = JSON.parse(Buffer.concat(await request.toArray()).toString()) as Record<string, unknown>;
    asked.push({ verb, args });
    const result = answers[verb]?.(args) as { lines?: unknown[] } | undefined;
    if (!result?.lines) return response.end(JSON.stringify({ ok: true, result: result ?? { done: true } }));
    for (const line of result.lines) response.write(`${JSON.stringify(line)}\n`);
  });
  await new Promise<void>((resolve) => server.listen(paths.controlSocket, resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true });
  });
  const context: Context = {
    paths,
    env: {},
    credentialFile: null,
    shell: new Shell(paths.logs, process.env),
    questions: defaults,
    control: new ControlClient(paths.controlSocket),
  };
  return { context, asked, folder };
}
