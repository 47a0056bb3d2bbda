import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type TestContext, test } from "node:test";
import { Misuse } from "../../src/lib/errors.ts";
import { silentLog } from "../../src/lib/log.ts";
import { ask, openDoor, until } from "../door/testing/door.ts";
import { ModelServer } from "./model-server.ts";

const PRACTICE = resolve(import.meta.dirname, "../../practice/main.ts");

function setUp(t: TestContext, command: (socket: string) => string[]) {
  const dir = mkdtempSync(join(tmpdir(), "ms-"));
  const socket = join(dir, "model.sock");
  const server = new ModelServer({ command: command(socket), socket, log: silentLog });
  t.after(async () => {
    await server.stop();
    rmSync(dir, { recursive: true });
  });
  return { server, socket };
}

const practice = (socket: string) => [process.execPath, PRACTICE, "--socket", socket, "--end-with-stdin"];
/** The process that runs with this socket, 0 for none. */
const pidOf = (socket: string) => {
  const found = execFileSync("ps", ["-eo", "pid=,args="], { encoding: "utf8" })
    .split("\n")
    .find((line) => line.includes(`--socket ${socket}`));
  return Number(found?.trim().split(" ")[0] ?? 0);
};

test("the practice model runs behind the gateway, without a credential", async (t) => {
  const { server, socket } = setUp(t, practice);
  await Promise.all([server.start(), server.start()]);
  const door = await openDoor(t, { address: `unix:${socket}`, needsCredential: false });
  const answer = await ask(door.socket);
  assert.equal(answer.status, 200);
  assert.match(answer.body, /\[practice /);
  await server.stop();
  assert.equal((await ask(door.socket)).status, 502);
  await server.start();
  assert.equal((await ask(door.socket)).status, 200);
});

test("it is started again when it dies", async (t) => {
  const { server, socket } = setUp(t, practice);
  await server.start();
  const first = pidOf(socket);
  process.kill(first, "SIGKILL");
  await until(() => pidOf(socket) !== first && pidOf(socket) !== 0);
  await server.start();
  await server.stop();
  assert.equal(pidOf(socket), 0);
});

test("a command that can't run is told with what it said", { timeout: 30_000 }, async (t) => {
  const { server } = setUp(t, () => [process.execPath, "-e", "console.error('out of order'); process.exit(3)"]);
  await assert.rejects(server.start(), (error: Misuse) => error instanceof Misuse && /out of order/.test(error.hint));
});

test("it does not outlive a host that is killed", async (t) => {
  const { socket } = setUp(t, practice);
  const host = `
    import { ModelServer } from ${JSON.stringify(resolve(import.meta.dirname, "model-server.ts"))};
    const log = { warn() {} };
    await new ModelServer({ command: ${JSON.stringify(practice(socket))}, socket: ${JSON.stringify(socket)}, log }).start();
    process.kill(process.pid, "SIGKILL");`;
  assert.throws(() => execFileSync(process.execPath, ["--input-type=module", "-e", host], { stdio: "ignore" }));
  await until(() => pidOf(socket) === 0);
});
