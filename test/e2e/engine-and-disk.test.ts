/** The machine under the host fails: the engine goes away while sessions run, and the disk fills up. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { pause, TestHost } from "../support/host.ts";

/** The engine behind a socket that a test can cut, and mend. */
async function cuttableEngine(dir: string) {
  const path = join(dir, "engine.sock");
  const open = new Set<Socket>();
  let server: Server | null = null;
  const mend = async () => {
    rmSync(path, { force: true });
    server = createServer((client) => {
      const engine = connect("/var/run/docker.sock");
      for (const [from, to] of [
        [client, engine],
        [engine, client],
      ] as const) {
        open.add(from);
        from.pipe(to);
        from.on("error", () => to.destroy()).on("close", () => open.delete(from));
      }
    });
    await once(server.listen(path), "listening");
  };
  const cut = () => {
    server?.close();
    for (const socket of open) socket.destroy();
    rmSync(path, { force: true });
  };
  await mend();
  return { address: `unix://${path}`, cut, mend };
}

test("the engine goes away halfway: what runs goes on, what needs a start is told so, and is answered afterwards", async (t) => {
  const dir = mkdtempSync(join(tmpdir(), "nc-engine-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const engine = await cuttableEngine(dir);
  t.after(() => engine.cut());
  const host = await TestHost.start(t, { env: { DOCKER_HOST: engine.address } });
  await host.init();
  assert.match((await host.ask("before")).text, /before/);

  engine.cut();
  assert.match((await host.ask("meanwhile")).text, /meanwhile/, "a running container needs no engine");
  const { chat } = await host.call("claw.open", {});
  const n = await host.say("needs a start", chat);
  const notices = await host.follow((all) => all.some((m) => m.author === "system"), chat, 20_000);
  assert.match(notices.at(-1)?.text ?? "", /can't start my container.*kept/s);

  await engine.mend();
  assert.match((await host.answer(n, chat, 40_000)).text, /needs a start/);
  assert.equal(host.containers().length, 2, "one container for each session");
});

const unprivileged = process.getuid?.() !== 0 && "making a small disk needs root";

test("a full disk: the person is told, nothing that was accepted is lost, and it goes on when there is room", {
  skip: unprivileged,
}, async (t) => {
  const disk = mkdtempSync(join(tmpdir(), "nc-disk-"));
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=6m", "tmpfs", disk]);
  t.after(() => {
    execFileSync("umount", ["-l", disk]);
    rmSync(disk, { recursive: true, force: true });
  });
  const host = await TestHost.start(t, { dataDir: join(disk, "data") });
  await host.init();
  assert.match((await host.ask("before")).text, /before/);

  const ballast = join(disk, "ballast");
  const { bavail, bsize } = statfsSync(disk);
  writeFileSync(ballast, Buffer.alloc(bavail * bsize));
  const accepted: number[] = [];
  let refused = 0;
  for (let i = 0; i < 30; i++) {
    try {
      accepted.push(await host.say(`while full ${i} ${"x".repeat(3000)}`));
    } catch (error) {
      refused += 1;
      assert.match(String(error), /disk is full/);
    }
  }
  assert.ok(refused > 0, "the disk was not full enough to refuse anything");
  assert.equal((await host.call("status", {})).pid, host.pid, "the host lives");

  rmSync(ballast);
  await pause(500);
  const after = await host.say("after");
  for (const n of [...accepted, after]) await host.answer(n, "main", 30_000);
});
