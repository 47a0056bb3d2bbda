/** What goes into a box is wrong, with a real host: the person is told in the conversation, the others go on, and mended it is answered. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type TestContext, test } from "node:test";
import { TestHost } from "../support/host.ts";
import { docker, IMAGE } from "./sandbox-box.ts";

function folder(t: TestContext): string {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), "nc-bad-")));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** Waits for what the host itself says, and for the answer once `mend` was done. */
async function toldAndMended(
  host: TestHost,
  said: string,
  words: RegExp,
  mend: (told: string) => unknown,
  chat = "main",
) {
  const n = await host.say(said, chat);
  const isTold = (text: string) => text.includes("I can't start my container");
  const all = await host.follow((messages) => messages.some(({ text }) => isTold(text)), chat);
  const told = all.find(({ text }) => isTold(text))?.text ?? "";
  assert.match(told, words);
  assert.match(told, /Your message is kept and will be answered as soon as it works\.$/);
  await mend(told);
  assert.ok((await host.answer(n, chat, 90_000)).text.includes(said));
}

test("an image that is not there: the person is told how to build it, and is answered once it is", async (t) => {
  const image = `nanoclaw-agent:test-${process.pid}`;
  t.after(() => docker("rmi", image));
  const host = await TestHost.start(t, { env: { NANOCLAW_IMAGE: image } });
  await host.init();
  const words = new RegExp(`the image ${image} is not on this machine\\. Build it: \`bash container/build\\.sh\``);
  await toldAndMended(host, "first", words, () => docker("tag", IMAGE, image));
});

test("an image for another kind of machine: the person is told so, not that the container ended with a code", async (t) => {
  const other = process.arch === "arm64" ? "amd64" : "arm64";
  const image = `nanoclaw-agent:test-${other}-${process.pid}`;
  load(folder(t), image, other);
  t.after(() => docker("rmi", "-f", image));
  const host = await TestHost.start(t, { env: { NANOCLAW_IMAGE: image } });
  await host.init();
  const words = new RegExp(
    `the image ${image} is for another kind of machine.*${other}.* \`bash container/build\\.sh\``,
  );
  await toldAndMended(host, "first", words, () => docker("tag", IMAGE, image));
});

test("a runtime that the engine does not have: the person is told which it has; another agent goes on", async (t) => {
  const host = await TestHost.start(t);
  await host.init();
  await host.call("groups.init", { folder: "other", name: "Other", timeZone: "UTC", provider: "null" });
  const { chat } = await host.call("claw.open", { group: "other" });
  await host.kill("SIGTERM");
  // The verbs take only runtimes that are known: this one was there when it was chosen, and is gone now.
  const database = new DatabaseSync(host.paths.database);
  database.exec("UPDATE agent_groups SET runtime='gone' WHERE folder='main'");
  database.close();
  await host.up();
  const words = /the container engine has no runtime gone\. .*It has: .*runc/;
  await toldAndMended(host, "first", words, async () => {
    assert.match((await host.ask("and you?", chat)).text, /and you\?/);
    await host.call("groups.set", { folder: "main", runtime: "default" });
  });
});

test("a folder of the person's that disappears is left out and told; the agent goes on, and what has it open too", async (t) => {
  const host = await TestHost.start(t);
  await host.init();
  const photos = join(folder(t), "photos");
  mkdirSync(photos);
  writeFileSync(join(photos, "one"), "x");
  await host.call("mounts.allow", { path: photos });
  await host.call("mounts.add", { folder: "main", path: photos });
  // It holds from the next start on, and the first has been.
  await host.ask("without it yet");
  docker("rm", "-f", ...host.containers());
  await host.ask("with it");
  const [first] = host.containers();
  assert.ok(first);
  assert.equal(docker("exec", first, "ls", "/mnt/photos"), "one");
  rmSync(photos, { recursive: true });
  await host.ask("it is gone");
  assert.deepEqual(host.containers(), [first], "what runs goes on");
  docker("rm", "-f", first);
  assert.match((await host.ask("without it")).text, /without it/);
  const told = await host.follow((all) => all.some(({ text }) => text.includes("not given")));
  const words = `The folder ${photos} is not given to main any more: ${photos} is not there. The agent goes on without it`;
  assert.ok(
    told.some(({ text }) => text.startsWith(words)),
    told.map(({ text }) => text).join("\n"),
  );
  const [second] = host.containers();
  assert.ok(second);
  assert.throws(() => docker("exec", second, "ls", "/mnt/photos"));
});

test("a workspace that disappears: the person is told which folder and what to do; another agent goes on", async (t) => {
  const host = await TestHost.start(t);
  await host.init();
  await host.ask("before");
  await host.call("groups.init", { folder: "other", name: "Other", timeZone: "UTC", provider: "null" });
  const { chat } = await host.call("claw.open", { group: "other" });
  const workspace = join(host.paths.groups, "main", "workspace");
  rmSync(workspace, { recursive: true });
  docker("rm", "-f", ...host.containers());
  const words = new RegExp(`${workspace} can't be mounted: it does not exist\\. .*\`install -d .* '${workspace}'\``);
  await toldAndMended(host, "after", words, async (told) => {
    assert.match((await host.ask("and you?", chat)).text, /and you\?/);
    execFileSync("sh", ["-c", /`(install [^`]*)`/.exec(told)?.[1] ?? "false"]);
  });
});

/** An image with one empty file, for another architecture. */
function load(dir: string, image: string, architecture: string): void {
  writeFileSync(join(dir, "x"), "");
  execFileSync("tar", ["cf", "layer.tar", "x"], { cwd: dir });
  const layer = execFileSync("cat", ["layer.tar"], { cwd: dir });
  const diff = `sha256:${createHash("sha256").update(layer).digest("hex")}`;
  const config = { architecture, os: "linux", config: {}, rootfs: { type: "layers", diff_ids: [diff] } };
  writeFileSync(join(dir, "config.json"), JSON.stringify(config));
  const manifest = [{ Config: "config.json", RepoTags: [image], Layers: ["layer.tar"] }];
  writeFileSync(join(dir, "manifest.json"), JSON.stringify(manifest));
  execFileSync("tar", ["cf", "image.tar", "manifest.json", "config.json", "layer.tar"], { cwd: dir });
  docker("load", "--input", join(dir, "image.tar"));
}
