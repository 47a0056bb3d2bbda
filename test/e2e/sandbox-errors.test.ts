/** What the Docker driver says and leaves behind when something is wrong: with the engine, the image, or the spec. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { renameSync, symlinkSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { after, test } from "node:test";
import { engineSocket } from "../../drivers/docker/connection.ts";
import { DockerDriver } from "../../drivers/docker/driver.ts";
import { docker, IMAGE, openBox } from "./sandbox-box.ts";

const box = openBox(null);
after(() => box.close());

const nothingLeft = () =>
  assert.equal(
    docker("ps", "-aq", "--filter", `label=nanoclaw.installation=${box.labels["nanoclaw.installation"]}`),
    "",
  );

test("a missing image is named, with how to build it", async () => {
  await assert.rejects(box.start("true", { image: "nanoclaw-agent:never-built" }), {
    name: "EngineError",
    message: /nanoclaw-agent:never-built/,
    hint: /container\/build\.sh/,
  });
  nothingLeft();
});

test("an unknown runtime is named, beside those that exist", async () => {
  await assert.rejects(box.start("true", { runtime: "no-such-runtime" }), {
    name: "EngineError",
    message: /no-such-runtime/,
    hint: /It has: .*runc/,
  });
  nothingLeft();
});

test("a command that does not exist is an exit that says so", async () => {
  const { code, stderr } = await box.run("", { command: ["/no/such/program"] });
  assert.equal(code, 127);
  assert.match(stderr, /no\/such\/program/);
});

test("a start that fails leaves no container behind", async () => {
  const aFolderOverAFile = [{ source: "/usr/share/misc", target: "/etc/passwd", readOnly: true }];
  await assert.rejects(box.start("true", { extraMounts: aFolderOverAFile }), {
    name: "EngineError",
    message: /refused/,
  });
  nothingLeft();
});

test("an engine that is not there is told with how to start it", async () => {
  for (const socketPath of [join(box.dir, "nobody.sock"), await deadSocket()]) {
    const driver = new DockerDriver({ socketPath });
    for (const attempt of [driver.check(), driver.survivors({}), driver.start(box.spec("true"))]) {
      await assert.rejects(attempt, { name: "EngineError", message: /no container engine answers/, hint: /Start it/ });
    }
  }
});

test("an engine that answers nonsense is told as such", async () => {
  const socketPath = join(box.dir, "nonsense.sock");
  const server = createServer((socket) => socket.end("HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\nnot {it"));
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  await assert.rejects(new DockerDriver({ socketPath }).check(), { name: "Retryable", message: /makes no sense/ });
  server.close();
});

test("a mount through a link, of a missing folder or of a socket is refused before the engine is asked", async () => {
  const link = join(box.dir, "link");
  symlinkSync("/etc", link);
  const socket = await deadSocket();
  for (const [source, message] of [
    [link, /leads to \/etc/],
    [join(box.dir, "absent"), /does not exist/],
    [socket, /no folder and no plain file/],
  ] as const) {
    const extraMounts = [{ source, target: "/mnt/extra", readOnly: true }];
    await assert.rejects(box.start("true", { extraMounts }), { name: "Misuse", message });
  }
  nothingLeft();
});

test("an ended container of the same session makes room for its successor; a running one does not", async () => {
  const session = "s-same";
  const name = `nanoclaw-${box.labels["nanoclaw.installation"]}-${session}`;
  docker("create", "--name", name, "--label", `nanoclaw.session=${session}`, IMAGE, "true");
  const first = await box.start("sleep 60", { session });
  await assert.rejects(box.start("true", { session }), {
    name: "EngineError",
    message: new RegExp(name),
    hint: /rm -f/,
  });
  await first.stop(0);
});

test("the exit is told although the engine went away and came back meanwhile", async () => {
  const socketPath = join(box.dir, "between.sock");
  const open = new Set<Socket>();
  const serve = async () => {
    const server = createServer((near) => {
      const far = connect(engineSocket());
      for (const [one, other] of [
        [near, far],
        [far, near],
      ] as const) {
        open.add(one);
        one.pipe(other);
        one.on("error", () => other.destroy()).on("close", () => open.delete(one));
      }
    });
    await new Promise<void>((resolve) => server.listen(socketPath, resolve));
    return server;
  };
  const server = await serve();
  const driver = new DockerDriver({ socketPath });
  const mine = openBox(null, driver);
  const sandbox = await mine.start("sleep 1; echo over >&2; exit 4");
  server.close();
  for (const socket of open) socket.destroy();
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  const again = await serve();
  assert.deepEqual(await sandbox.exited, { code: 4, outOfMemory: false, stderr: "over\n" });
  again.close();
  mine.close();
});

test("the command that the driver describes starts the same kind of container", async () => {
  const command = box.driver.describe(box.spec("cat /proc/self/status >&2; exit 6"));
  assert.match(command, /^docker run --detach \\\n/);
  const id = execFileSync("sh", ["-c", command], { encoding: "utf8" }).trim();
  assert.equal(docker("wait", id), "6");
  docker("rm", "-f", id);
});

/** The path of a socket file on which nobody listens. */
async function deadSocket(): Promise<string> {
  const [live, dead] = [join(box.dir, "live.sock"), join(box.dir, "dead.sock")];
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(live, resolve));
  renameSync(live, dead);
  server.close();
  return dead;
}
