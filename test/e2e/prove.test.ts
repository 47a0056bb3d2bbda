/** `ncl prove` on a real host, as a person runs it, while another conversation goes on; and what is left of it. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { pause, TestHost } from "../support/host.ts";

const ncl = resolve(import.meta.dirname, "../../cli/ncl.ts");

function run(host: TestHost, ...words: string[]): Promise<{ stdout: string }> {
  const { paths } = host;
  const env = { ...process.env, NANOCLAW_DATA: paths.data, NANOCLAW_RUN: paths.run };
  return promisify(execFile)(process.execPath, [ncl, ...words], { env, maxBuffer: 1e7 });
}

test("every attack is held, others are answered meanwhile, and nothing is left but a record", async (t) => {
  const host = await TestHost.start(t);
  await host.init();
  await host.ask("before");
  const file = join(host.paths.data, "report.json");
  let going = true;
  const proving = run(host, "prove", "--json", "--report", file).finally(() => {
    going = false;
  });
  let answers = 0;
  while (going) {
    await host.ask(`during ${answers}`);
    answers += 1;
    // Each leaves records, and the list of those is bounded.
    await pause(500);
  }
  const { attacks } = JSON.parse((await proving).stdout) as { attacks: Record<string, unknown>[] };
  t.diagnostic(`${attacks.length} attacks, ${answers} answers meanwhile`);
  assert.ok(attacks.length >= 60 && answers > 3);
  assert.deepEqual(
    attacks.filter(({ held }) => held === false),
    [],
  );
  for (const attack of attacks) assert.deepEqual(Object.keys(attack), ["id", "control", "tried", "happened", "held"]);
  assert.equal(JSON.parse(readFileSync(file, "utf8")).agent, "main");
  const folders = readdirSync(host.paths.sessions).flatMap((group) => readdirSync(join(host.paths.sessions, group)));
  assert.deepEqual(
    folders.filter((name) => name.startsWith("prove-")),
    [],
  );
  const { records } = await host.call("audit.verify", {});
  assert.ok(records > 0);
  const audit = await host.call("audit.list", { limit: 1000 });
  assert.equal(audit.filter(({ verb }) => verb === "sandbox.prove").length, 1);
});

test("what a container would get is described before there is one", async (t) => {
  const host = await TestHost.start(t);
  await host.init();
  const { stdout } = await run(host, "sandbox", "describe", "main");
  assert.match(stdout, /never as root/);
  assert.match(stdout, /no network/);
  assert.match(stdout, /docker run --detach \\\n/);
  assert.ok(!existsSync(join(host.paths.data, "groups", "main", "workspace", "x")));
  await assert.rejects(run(host, "sandbox", "describe", "nobody"), /there is no agent group/);
});
