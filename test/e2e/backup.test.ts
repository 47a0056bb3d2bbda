/** `ncl backup` as a person uses it: made while the host runs, looked at, and restored as another installation. */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { TestHost } from "../support/host.ts";
import { ponderingHost } from "../support/pondering.ts";

const ROOT = resolve(import.meta.dirname, "../..");

/** @param home the data folder, and beside it the others */
async function ncl(words: string[], home: { data: string; run: string; config: string }) {
  const env = { ...process.env, NANOCLAW_DATA: home.data, NANOCLAW_RUN: home.run, XDG_CONFIG_HOME: home.config };
  const child = spawn(join(ROOT, "bin/ncl"), words, { env, stdio: ["ignore", "pipe", "pipe"] });
  const ended = new Promise<number | null>((done) => child.once("close", done));
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: await ended, stdout, stderr };
}

function folder(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), "nc-backup-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

const homeOf = ({ paths }: TestHost) => ({
  ...{ data: paths.data, run: paths.run, config: resolve(paths.config, "../..") },
});

test("a running installation is backed up, and goes on elsewhere with its conversation and its credentials", async (t) => {
  const { host, asked } = await ponderingHost(t);
  await host.ask("the word is pomegranate");
  await host.say("think for ever");
  while (!asked.at(-1)?.includes("think for ever")) await new Promise((done) => setTimeout(done, 20));
  const file = join(folder(t), "all.tar.gz");
  const made = await ncl(["backup", "make", file, "--with-keys"], homeOf(host));
  assert.equal(made.code, 0, made.stderr);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  const verified = await ncl(["backup", "verify", file, "--json"], homeOf(host));
  assert.equal(verified.code, 0, verified.stderr);
  const found = JSON.parse(verified.stdout) as { agents: number; sessions: number; keys: boolean };
  assert.deepEqual([found.agents, found.sessions, found.keys], [1, 1, true]);
  assert.match((await ncl(["backup", "restore", file], homeOf(host))).stderr, /the host is running/);
  await host.kill("SIGTERM");
  assert.match((await ncl(["backup", "restore", file], homeOf(host))).stderr, /there is an installation.*--replace/s);

  const elsewhere = folder(t);
  const home = { data: join(elsewhere, "data"), run: join(elsewhere, "run"), config: join(elsewhere, "config") };
  const restored = await ncl(["backup", "restore", file], home);
  assert.equal(restored.code, 0, restored.stderr);
  const next = await TestHost.start(t, { dataDir: home.data, env: { XDG_CONFIG_HOME: home.config } });
  const log = await next.follow((all) => all.some(({ text }) => text.includes("restored from a backup")));
  assert.match(log.at(-1)?.text ?? "", /1 that had no answer yet get none/);
  const before = asked.length;
  await next.ask("and now?");
  assert.equal(asked.length, before + 1, "what had no answer when the backup was made is not asked again");
  assert.ok(asked.at(-1)?.includes("pomegranate"), "the agent has in mind what was said before");
  assert.equal((await next.call("audit.verify", {})).records > 0, true);
});

test("what is no backup, was cut off or changed is refused, and nothing is put in its place", async (t) => {
  const host = await TestHost.start(t);
  await host.init();
  await host.ask("hello");
  const dir = folder(t);
  const good = join(dir, "good.tar.gz");
  assert.equal((await ncl(["backup", "make", good], homeOf(host))).code, 0);
  assert.match((await ncl(["backup", "make", good], homeOf(host))).stderr, /is there already/);
  await host.kill("SIGTERM");
  const listed = execFileSync("tar", ["-tzf", good], { encoding: "utf8" }).split("\n");
  assert.deepEqual(
    listed.filter((name) => /keys|inbound\.db|\/out\/|vault/.test(name)),
    [],
  );

  const cut = join(dir, "cut.tar.gz");
  writeFileSync(cut, readFileSync(good));
  truncateSync(cut, 3_000);
  const foreign = join(dir, "foreign.tar.gz");
  execFileSync("tar", ["-czf", foreign, "-C", ROOT, "package.json"]);
  const changed = join(dir, "changed.tar.gz");
  const open = folder(t);
  execFileSync("tar", ["-xzf", good, "-C", open]);
  writeFileSync(join(open, "v2.db"), Buffer.concat([readFileSync(join(open, "v2.db")), Buffer.from("x")]));
  execFileSync("tar", ["-czf", changed, "-C", open, ...readdirSync(open)]);
  const fresh = folder(t);
  const home = { data: join(fresh, "data"), run: join(fresh, "run"), config: join(fresh, "config") };
  for (const [file, why] of [
    [cut, /tar ended with code/],
    [foreign, /no backup of NanoClaw/],
    [changed, /not the one that was packed/],
    [join(dir, "none.tar.gz"), /there is no file/],
  ] as const) {
    const { code, stderr } = await ncl(["backup", "restore", file], home);
    assert.equal(code, 1);
    assert.match(stderr, why);
    assert.equal(existsSync(home.data), false, file);
  }
  assert.deepEqual(readdirSync(fresh), []);

  const replaced = await ncl(["backup", "restore", good, "--replace", "--json"], homeOf(host));
  assert.equal(replaced.code, 0, replaced.stderr);
  const { aside } = JSON.parse(replaced.stdout) as { aside: string };
  t.after(() => rmSync(aside, { recursive: true, force: true }));
  assert.ok(existsSync(join(aside, "v2.db")), "what was there is kept");
  await host.up();
  assert.match((await host.ask("still there?")).text, /still there/);
});
