/** `ncl doctor` as a person runs it: beside a host that is well, one that is gone, and what is damaged. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { chmodSync, closeSync, openSync, statSync, writeSync } from "node:fs";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import type { Finding } from "../../cli/doctor/judge.ts";
import { TestHost } from "../support/host.ts";

const ROOT = resolve(import.meta.dirname, "../..");

async function doctor(host: TestHost, words: string[] = [], env: NodeJS.ProcessEnv = {}) {
  const { paths } = host;
  const child = spawn(join(ROOT, "bin/ncl"), ["doctor", ...words], {
    env: {
      ...{ ...process.env, NANOCLAW_DATA: paths.data, NANOCLAW_RUN: paths.run, NANOCLAW_IMAGE: paths.image },
      ...{ XDG_CONFIG_HOME: resolve(paths.config, "../..") },
      ...env,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = new Promise<number | null>((done) => child.once("close", done));
  const [stdout] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: await ended, stdout };
}

const wrongOf = (json: string) =>
  (JSON.parse(json) as Finding[]).filter(({ state }) => state === "wrong").map(({ what }) => what);

test("a host that is well is found well; one that is gone, an open folder, a lost engine and image are found and mended", async (t) => {
  const host = await TestHost.start(t);
  await host.init();
  await host.ask("hello");
  const well = await doctor(host);
  assert.equal(well.code, 0, well.stdout);
  assert.match(well.stdout, /^✓ database {3}is sound$/m);
  assert.match(well.stdout, /^! model .*practice model/m);

  const away = await doctor(host, ["--json"], { DOCKER_HOST: "unix:///nowhere.sock" });
  assert.deepEqual([away.code, wrongOf(away.stdout)], [1, ["engine"]]);
  const imageless = await doctor(host, ["--json"], { NANOCLAW_IMAGE: "no-such-image:none" });
  assert.deepEqual([imageless.code, wrongOf(imageless.stdout)], [1, ["image"]]);

  await host.kill("SIGKILL");
  chmodSync(host.paths.data, 0o755);
  const gone = await doctor(host, ["--json"]);
  assert.deepEqual([gone.code, wrongOf(gone.stdout)], [1, ["folder", "host"]]);
  const mended = await doctor(host, ["--fix"]);
  t.after(() => host.call("host.stop", {}).catch(() => {}));
  assert.equal(mended.code, 0, mended.stdout);
  assert.equal(statSync(host.paths.data).mode & 0o777, 0o700);
  assert.match((await host.ask("are you back?")).text, /are you back/);
});

test("a damaged database is found, also while no host can start with it", async (t) => {
  const host = await TestHost.start(t);
  await host.init();
  await host.kill("SIGTERM");
  const file = openSync(host.paths.database, "r+");
  const size = statSync(host.paths.database).size;
  for (let at = 4096; at < size; at += 4096) writeSync(file, Buffer.alloc(200, 0x5a), 0, 200, at);
  closeSync(file);
  const { code, stdout } = await doctor(host, ["--json"]);
  assert.equal(code, 1);
  assert.deepEqual(wrongOf(stdout), ["database", "host"]);
});
