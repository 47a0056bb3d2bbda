import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { EffectContext } from "../../src/control/execute.ts";
import type { MessagingGroupId } from "../../src/lib/ids.ts";
import { silentLog } from "../../src/lib/log.ts";
import { world } from "../../test/support/world.ts";
import { extraMounts } from "./index.ts";
import { judgeGrant, judgePlace } from "./policy.ts";

const context: EffectContext = {
  actor: { kind: "operator" },
  record: (_, change) => change(1),
  permit: () => {},
  signal: new AbortController().signal,
};

/** A home with a folder of photos in it, and NanoClaw beside. */
function given(t: TestContext) {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), "mounts-")));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const home = join(dir, "home");
  const photos = join(home, "photos");
  mkdirSync(photos, { recursive: true });
  writeFileSync(join(photos, "a.jpg"), "12345");
  const nano = (name: string) => join(dir, "nano", name);
  const paths = {
    root: nano("code"),
    data: nano("data"),
    config: nano("config"),
    run: nano("run"),
    groups: nano("groups"),
  };
  for (const path of Object.values(paths)) mkdirSync(path, { recursive: true });
  const { store, clock, outbox } = world();
  const mounts = extraMounts({ store, clock, log: silentLog, paths, home });
  return { dir, home, photos, paths, store, outbox, mounts, effects: mounts.effects };
}

const refused = (path: string, why: RegExp) =>
  assert.match(JSON.stringify(judgePlace(path, "/home/ada", ["/srv/nano"])), why);

test("secret places are refused, as themselves, inside and as a parent", () => {
  for (const path of [
    "/home/ada/.config/gh",
    "/home/ada/.config/gh/hosts",
    "/home/ada/.local/bin/x",
    "/etc/cron.d",
    "/run/docker",
  ])
    refused(path, /it (is|lies in)/);
  for (const path of ["/home/ada", "/home", "/", "/home/ada/.config", "/var", "/home/ada/Library", "/var/lib"])
    refused(path, /has below it/);
  for (const path of ["/home/ada/.ssh", "/srv/backup/ada/.ssh/old", "/media/disk/.aws"])
    refused(path, /wherever it lies/);
  for (const path of ["/srv/nano/data", "/srv/nano", "/srv"]) refused(path, /NanoClaw's own/);
  for (const path of ["/home/ada/photos", "/media/disk", "/home/ada/.sshd", "/srv/nanocl"])
    assert.deepEqual(judgePlace(path, "/home/ada", ["/srv/nano"]), { ok: true }, path);
});

test("writing needs both sides, and the closest allowed folder decides", () => {
  const allowed = [
    { path: "/a", write: true },
    { path: "/a/b", write: false },
  ];
  assert.deepEqual(judgeGrant("/a/x", true, allowed), { ok: true, readOnly: false });
  assert.deepEqual(judgeGrant("/a/x", false, allowed), { ok: true, readOnly: true });
  assert.equal(judgeGrant("/a/b/c", true, allowed).ok, false);
  assert.deepEqual(judgeGrant("/a/b/c", false, allowed), { ok: true, readOnly: true });
  assert.equal(judgeGrant("/ab", false, allowed).ok, false);
});

test("a folder that was not allowed is not given; allowed and given it is mounted for reading", async (t) => {
  const { photos, mounts, effects, paths } = given(t);
  const add = () => effects["mounts.add"]({ folder: "main", path: photos, write: false, sensitive: false }, context);
  await assert.rejects(async () => add(), /in no allowed folder/);
  assert.deepEqual(mounts.of("main"), []);
  await effects["mounts.allow"]({ path: photos, write: false }, context);
  const granted = await add();
  assert.deepEqual([granted.files, granted.bytes, granted.inside, granted.readOnly], [1, 5, "/mnt/photos", true]);
  assert.deepEqual(mounts.of("main"), [{ source: photos, target: "/mnt/photos", readOnly: true }]);
  assert.deepEqual(mounts.of("other"), []);
  assert.equal(statSync(join(paths.config, "mounts.json")).mode & 0o077, 0);
  await effects["mounts.remove"]({ folder: "main", path: photos }, context);
  assert.deepEqual(mounts.of("main"), []);
});

test("a link is refused, also one above the folder, and one that came later", async (t) => {
  const { dir, photos, home, mounts, effects } = given(t);
  symlinkSync(photos, join(home, "link"));
  symlinkSync(home, join(dir, "elsewhere"));
  for (const path of [join(home, "link"), join(dir, "elsewhere", "photos")]) {
    assert.throws(() => effects["mounts.allow"]({ path, write: false }, context), /by a link/);
  }
  await effects["mounts.allow"]({ path: photos, write: false }, context);
  await effects["mounts.add"]({ folder: "main", path: photos, write: false, sensitive: false }, context);
  rmSync(photos, { recursive: true });
  symlinkSync("/etc", photos);
  assert.deepEqual(mounts.of("main"), []);
});

test("what would be exposed is shown, and secrets and ways out are refused", async (t) => {
  const { photos, effects } = given(t);
  await effects["mounts.allow"]({ path: photos, write: true }, context);
  mkdirSync(join(photos, "deep"));
  writeFileSync(join(photos, "deep", "id_ed25519"), "key");
  writeFileSync(join(photos, ".env"), "TOKEN=1");
  const seen = await effects["mounts.check"]({ path: photos }, context);
  assert.deepEqual(
    [seen.files, seen.sensitive.sort(), seen.special, seen.more],
    [3, [".env", "deep/id_ed25519"], [], false],
  );
  const add = (sensitive: boolean) =>
    effects["mounts.add"]({ folder: "main", path: photos, write: false, sensitive }, context);
  await assert.rejects(async () => add(false), /seems to hold secrets: /);
  execFileSync("mkfifo", [join(photos, "pipe")]);
  await assert.rejects(async () => add(true), /sockets, pipes or devices \(pipe\)/);
  rmSync(join(photos, "pipe"));
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(join(photos, "s.sock"), resolve));
  await assert.rejects(async () => add(true), /s\.sock/);
  server.close();
  await add(true);
});

test("a folder that an agent can write is never walked by the host again", async (t) => {
  const { photos, effects } = given(t);
  await effects["mounts.allow"]({ path: photos, write: true }, context);
  await effects["mounts.add"]({ folder: "main", path: photos, write: true, sensitive: false }, context);
  await assert.rejects(async () => effects["mounts.check"]({ path: photos }, context), /is not looked at/);
});

test("a mount that disappears is left out, and the owner is told once; others stay", async (t) => {
  const { photos, home, store, outbox, mounts, effects } = given(t);
  store.groups.addMessagingGroup({
    id: "m-t" as MessagingGroupId,
    channel: "terminal",
    chat: "main",
    unknownSenderPolicy: "strict",
  });
  const music = join(home, "music");
  mkdirSync(music);
  for (const path of [photos, music]) {
    await effects["mounts.allow"]({ path, write: false }, context);
    await effects["mounts.add"]({ folder: "main", path, write: false, sensitive: false }, context);
  }
  rmSync(photos, { recursive: true });
  for (const _ of [1, 2])
    assert.deepEqual(
      mounts.of("main").map(({ source }) => source),
      [music],
    );
  assert.equal(outbox().filter((text) => /photos is not given to main any more/.test(text)).length, 1);
});

test("a broken list mounts nothing by a guess", (t) => {
  const { paths, mounts } = given(t);
  writeFileSync(join(paths.config, "mounts.json"), '{"allowed": 1}');
  assert.throws(() => mounts.of("main"), /the list of mounts is not valid/);
  assert.ok(existsSync(join(paths.config, "mounts.json")));
  assert.equal(readFileSync(join(paths.config, "mounts.json"), "utf8"), '{"allowed": 1}');
});
