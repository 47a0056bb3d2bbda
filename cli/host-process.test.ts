import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type Paths, pathsOf } from "../src/lib/paths.ts";
import { ControlClient } from "./client.ts";
import { down, up } from "./host-process.ts";

/** A project whose host is the given program. */
function project(t: TestContext, main: string): { paths: Paths; client: ControlClient } {
  const root = mkdtempSync(join(tmpdir(), "ncl-up-"));
  t.after(() => rmSync(root, { recursive: true }));
  mkdirSync(join(root, "src"));
  writeFileSync(join(root, "src/main.ts"), main);
  const paths = pathsOf(root, { NANOCLAW_RUN: root, NANOCLAW_DATA: join(root, "data"), XDG_CONFIG_HOME: root });
  process.env.TEST_SOCKET = paths.controlSocket;
  return { paths, client: new ControlClient(paths.controlSocket) };
}

const HOST = `
  import { createServer } from "node:http";
  const server = createServer((request, response) => {
    response.end(JSON.stringify({ ok: true, result: { pid: process.pid, done: true } }));
    if (request.url === "/v1/verbs/host.stop") setTimeout(() => process.exit(0), 100);
  });
  setTimeout(() => server.listen(process.env.TEST_SOCKET), 200);
`;

test("up waits for the answer, up again changes nothing, down waits for the end", async (t) => {
  const { paths, client } = project(t, HOST);
  assert.equal(await down(client), false);
  const first = await up(paths, client);
  assert.equal(first.already, false);
  assert.notEqual(first.status.pid, process.pid);
  const second = await up(paths, client);
  assert.deepEqual([second.already, second.status.pid], [true, first.status.pid]);
  assert.equal(await down(client), true);
  assert.throws(() => process.kill(first.status.pid, 0), { code: "ESRCH" });
});

test("a host that does not start is an error with its own last words and no older ones", async (t) => {
  const { paths, client } = project(t, `process.stderr.write("the disk is full\\n"); process.exit(1);`);
  mkdirSync(paths.logs, { recursive: true });
  writeFileSync(join(paths.logs, "host.out"), "words of an earlier run\n");
  await assert.rejects(up(paths, client), (error: Error) => {
    assert.match(error.message, /stopped right after its start:\n {4}the disk is full$/);
    return true;
  });
});
