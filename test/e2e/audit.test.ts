/** The audit log of a real conversation: what it holds and what it must not, whether tampering is found, and a full disk. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, statfsSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type TestContext, test } from "node:test";
import { Database } from "../../src/lib/sqlite.ts";
import { pause, TestHost } from "../support/host.ts";
import { startScriptedModel } from "../support/model.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const KEY = "sk-test-marked-CREDENTIAL";

function tempDir(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), "nc-audit-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** `ncl audit verify --file`, with nothing of a host: other folders, no socket. */
function verifyFile(...args: string[]) {
  const nowhere = {
    NANOCLAW_DATA: "/nonexistent/data",
    NANOCLAW_RUN: "/nonexistent/run",
    XDG_CONFIG_HOME: "/nonexistent",
  };
  const { status, stdout, stderr } = spawnSync(join(ROOT, "bin/ncl"), ["audit", "verify", ...args], {
    env: { ...process.env, ...nowhere },
    encoding: "utf8",
  });
  return { status, said: stdout + stderr };
}

async function exported(host: TestHost): Promise<string> {
  const lines: string[] = [];
  for await (const line of host.client.stream("audit.export", {})) lines.push(JSON.stringify(line));
  return `${lines.join("\n")}\n`;
}

const recordsOf = async (host: TestHost) => host.call("audit.list", { limit: 1000 });

test("a conversation through a real model is one chain from message to delivery, without a word of it and without a key", async (t) => {
  const model = await startScriptedModel({
    script: [
      { use: "Bash", input: { command: "echo marked-TOOL-INPUT" } },
      { say: "marked-ANSWER" },
      ...Array.from({ length: 10 }, () => ({ say: "marked-ANSWER" })),
    ],
  });
  t.after(() => model.close());
  const host = await TestHost.start(t);
  await host.call("credentials.set", { name: "anthropic", secret: KEY });
  await host.call("model.use", { model: "anthropic", address: model.address });
  await host.init("claude");
  const followed: number[] = [];
  const watching = new AbortController();
  t.after(() => watching.abort());
  const following = (async () => {
    for await (const { n } of host.client.stream("audit.follow", { after: 0 }, { signal: watching.signal }))
      followed.push(n);
  })().catch(() => {});
  const { text } = await host.ask("marked-QUESTION");
  assert.match(text, /marked-ANSWER/);
  await pause(300);

  const records = await recordsOf(host);
  const sent = records.findLast(({ verb }) => verb === "message.send") ?? assert.fail("no delivery");
  const { steps } = await host.call("audit.trace", { record: sent.n });
  assert.deepEqual(
    steps.map(({ verb }) => verb),
    ["message.accept", "turn.start", "message.send"],
  );
  const message = steps[0] ?? assert.fail();
  const whole = await host.call("audit.trace", { record: message.n });
  const verbs = new Map(whole.steps.map((step) => [step.verb, step]));
  for (const verb of [
    "turn.start",
    "request.begin",
    "request.post",
    "tool.start",
    "tool.end",
    "turn.end",
    "message.send",
  ])
    assert.ok(verbs.has(verb), `${verb} is missing in\n${whole.steps.map((step) => step.text).join("\n")}`);
  assert.ok(whole.steps.every(({ cause, depth }) => (depth === 0) === (cause === null)));
  const outcome = whole.steps.find(({ verb }) => verb === "request.post");
  assert.equal(records.find(({ n }) => n === outcome?.cause)?.verb, "request.begin", "an outcome names its intent");

  const { session } = message;
  assert.ok(session);
  const ofSession = await host.call("audit.list", { session, verb: "turn.end" });
  assert.equal(ofSession.length, 1);
  assert.deepEqual(await host.call("audit.list", { until: "1d" }), []);

  const all = await exported(host);
  const table = new Database(host.paths.database).all<Record<string, unknown>>("SELECT * FROM audit");
  assert.ok(table.length > 10);
  for (const mark of [KEY, "CREDENTIAL", "marked-QUESTION", "marked-ANSWER", "marked-TOOL-INPUT"]) {
    assert.ok(!JSON.stringify(table).includes(mark), `${mark} is in the table`);
    assert.ok(!all.includes(mark), `${mark} is in the export`);
  }
  watching.abort();
  await following;
  assert.deepEqual(followed, table.map(({ seq }) => seq).slice(0, followed.length));
  assert.ok(followed.length >= records.length, `followed ${followed.length} of ${records.length}`);
});

test("an export is checked with the file and the public key alone: changed, cut, foreign", async (t) => {
  const dir = tempDir(t);
  const host = await TestHost.start(t);
  await host.init();
  await host.ask("one");
  const { publicKey, file: keyFile } = await host.call("audit.key", {});
  assert.equal(readFileSync(keyFile, "utf8"), publicKey);
  assert.equal(statSync(keyFile.replace(".pub", ".key")).mode & 0o777, 0o600);
  const key = join(dir, "audit.pub");
  writeFileSync(key, publicKey);
  const file = join(dir, "export.jsonl");
  const early = await exported(host);
  await host.ask("two");
  const lines = (await exported(host)).trimEnd().split("\n");
  const verify = (text: string, ...more: string[]) => {
    writeFileSync(file, text);
    return verifyFile("--file", file, "--key", key, ...more);
  };
  const whole = verify(`${lines.join("\n")}\n`);
  assert.equal(whole.status, 0, whole.said);
  assert.match(whole.said, /whole: \d+ records, all of them signed/);

  const middle = lines.length - 4;
  const changed = verify(
    lines.with(middle, (lines[middle] ?? "").replace('"fact"', '"deny"').replace('"allow"', '"deny"')).join("\n"),
  );
  assert.equal(changed.status, 1, changed.said);
  assert.match(changed.said, /changed after it was written/);
  assert.match(verify(lines.slice(0, -2).join("\n")).said, /cut off/);
  assert.match(verify(lines.toSpliced(middle, 1).join("\n")).said, /missing or out of order/);
  // Cut together with its heads: found with those that are kept elsewhere.
  assert.equal(verify(early).status, 0);
  const heads = join(dir, "audit.heads");
  copyFileSync(join(host.paths.config, "audit.heads"), heads);
  assert.match(verify(early, "--heads", heads).said, /cut off, or an older copy/);
  const { stderr } = spawnSync(join(ROOT, "bin/ncl"), ["audit", "verify", "--file", file], { encoding: "utf8" });
  assert.match(stderr, /public key is needed/);
  execFileSync("openssl", ["genpkey", "-algorithm", "ed25519", "-out", join(dir, "other.pem")]);
  assert.match(verify(`${lines.join("\n")}\n`, "--key", join(dir, "other.pem")).said, /./);
  assert.match(verifyFile("--file", file, "--key", join(dir, "other.pem")).said, /another key/);
});

test("an older database that is put back, lost keys and lost heads are told and stop nothing", async (t) => {
  const dir = tempDir(t);
  const host = await TestHost.start(t);
  await host.init();
  await host.ask("one");
  await host.kill("SIGTERM");
  const old = join(dir, "old.db");
  copyFileSync(host.paths.database, old);
  await host.up();
  await host.ask("two");
  await host.kill("SIGKILL");
  await host.up();
  assert.equal((await host.call("audit.verify", {})).ok, true, "a killed host leaves a log that fits its heads");
  await host.kill("SIGTERM");

  const heads = join(host.paths.config, "audit.heads");
  rmSync(`${host.paths.database}-wal`, { force: true });
  rmSync(`${host.paths.database}-shm`, { force: true });
  copyFileSync(old, host.paths.database);
  await host.up();
  const verdict = await host.call("audit.verify", {});
  assert.equal(verdict.ok, false);
  assert.match(verdict.problem ?? "", /older copy was put back|written anew/);
  const told = await host.follow((all) => all.some(({ text }) => /Something is wrong with the audit log/.test(text)));
  assert.match(told.at(-1)?.text ?? "", /older database was put back/);
  assert.match((await host.ask("it goes on")).text, /./);
  await host.kill("SIGTERM");

  // What the message says to do after a backup was put back on purpose.
  rmSync(heads);
  await host.up();
  assert.equal((await host.call("audit.verify", {})).ok, true);
  assert.equal(statSync(heads).mode & 0o777, 0o600);
  const before = await host.call("audit.key", {});
  await host.kill("SIGTERM");
  rmSync(before.file.replace(".pub", ".key"));
  await host.up();
  const after = await host.call("audit.key", {});
  assert.notEqual(after.key, before.key);
  const found = await host.call("audit.verify", {});
  assert.deepEqual(
    [found.ok, found.problem],
    [true, null],
    "the former public key is kept, so its heads can be checked",
  );
  const alarms = await host.call("audit.list", { verb: "audit.alarm" });
  assert.match(JSON.stringify(alarms.map(({ detail }) => detail)), /put back.*is gone.*new one/);
});

const unprivileged = process.getuid?.() !== 0 && "making a small disk needs root";

test("a full disk: what can't be recorded is not done, neither a verb, nor a request, nor a turn, and the person is told", {
  skip: unprivileged,
}, async (t) => {
  const disk = mkdtempSync(join(tmpdir(), "nc-disk-"));
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=8m", "tmpfs", disk]);
  t.after(() => {
    execFileSync("umount", ["-l", disk]);
    rmSync(disk, { recursive: true, force: true });
  });
  const slowly = { use: "Bash", input: { command: "sleep 6" } };
  const asksForTool = ({ raw }: { raw: string }) =>
    raw.includes("slowly please") && !raw.includes('"type":"tool_result"');
  const model = await startScriptedModel({ script: (request) => (asksForTool(request) ? slowly : { say: "fine" }) });
  t.after(() => model.close());
  const host = await TestHost.start(t, { dataDir: join(disk, "data") });
  await host.call("credentials.set", { name: "anthropic", secret: KEY });
  await host.call("model.use", { model: "anthropic", address: model.address });
  await host.init("claude");
  await host.ask("before");

  const waiting = await host.say("slowly please");
  while (!model.requests.some(asksForTool)) await pause(50);
  await pause(500);
  const ballast = join(disk, "ballast");
  // The database's own log may have room where the disk has none: until a verb, which writes less than a request, is refused.
  const refused = await untilRefused(async (i, bytes) => {
    const { bavail, bsize } = statfsSync(disk);
    writeFileSync(ballast, Buffer.alloc(bavail * bsize), { flag: "a" });
    await host.call("credentials.set", { name: `other-${i}`, secret: "x".repeat(bytes) });
  });
  assert.match(refused, /disk is full/);
  const names = (await host.call("credentials.list", {})).map(({ name }) => `credential:${name}`);
  const recorded = await host.call("audit.list", { limit: 1000, verb: "credentials.set" });
  assert.deepEqual(
    names.sort(),
    [...new Set(recorded.map(({ resource }) => resource))].sort(),
    "what is there was recorded",
  );
  await assert.rejects(host.say(`while full ${"x".repeat(20_000)}`), /disk is full/);

  const asked = model.requests.length;
  await pause(8000);
  assert.equal(model.requests.length, asked, "the turn's next request, after its tool, was not let out");
  const turns = () => recordsOf(host).then((all) => all.filter(({ verb }) => verb === "turn.end").length);
  assert.equal(await turns(), 1, "nor was the turn ended");

  rmSync(ballast);
  assert.match((await host.answer(waiting)).text, /fine/);
  assert.equal(await turns(), 2);
  assert.match((await host.ask("after")).text, /fine/);
  const { ok, problem } = await host.call("audit.verify", {});
  assert.deepEqual([ok, problem], [true, null]);
});

/** Writes much, then little, each until it is refused. @returns why it was */
async function untilRefused(write: (i: number, bytes: number) => Promise<void>): Promise<string> {
  let why = "";
  for (const bytes of [10_000, 1]) {
    why = "";
    for (let i = 0; i < 300 && !why; i++)
      await write(i, bytes).catch((error) => {
        why = String(error);
      });
  }
  return why;
}
