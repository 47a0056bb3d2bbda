import assert from "node:assert/strict";
import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ControlClient } from "../client.ts";
import { FakeHost, VerbFailure } from "../testing/fake-host.ts";
import { SkillsFolder } from "../testing/skills-folder.ts";
import { skillInfo } from "./info.ts";
import { sizeOf } from "./installed.ts";
import { verdictText, verifySkill } from "./verify.ts";

const token = { name: "token", label: "Token", help: "Ask for it.", secret: true, required: true, isSet: true };
const STORE = "node_modules/.pnpm";

/** Two packages as pnpm lays them: "line" needs "wire", and the skill has only the first beside it. */
function install(folder: SkillsFolder): void {
  folder.write("skills/add-chat/package.json", '{"dependencies": {"line": "^1.0.0", "@a/plug": "2.0.0"}}');
  folder.write(`${STORE}/line@1.2.3/node_modules/line/package.json`, '{"version": "1.2.3"}');
  folder.write(`${STORE}/line@1.2.3/node_modules/line/lib/index.js`, "x".repeat(1_000));
  folder.write(`${STORE}/wire@0.1.0/node_modules/wire/index.js`, "x".repeat(500));
  folder.write(`${STORE}/plug@2.0.0/node_modules/@a/plug/package.json`, '{"version": "2.0.0"}');
  folder.write("skills/add-chat/node_modules/@a/.keep", "");
  const link = (from: string, to: string) => symlinkSync(join(folder.root, to), join(folder.root, from));
  link("skills/add-chat/node_modules/line", `${STORE}/line@1.2.3/node_modules/line`);
  link("skills/add-chat/node_modules/@a/plug", `${STORE}/plug@2.0.0/node_modules/@a/plug`);
  link(`${STORE}/line@1.2.3/node_modules/wire`, `${STORE}/wire@0.1.0/node_modules/wire`);
  // In a circle, as packages may be.
  link(`${STORE}/wire@0.1.0/node_modules/line`, `${STORE}/line@1.2.3/node_modules/line`);
}

const SIZE = '{"version": "1.2.3"}'.length + 1_000 + 500 + '{"version": "2.0.0"}'.length;

function running(host: FakeHost, state: string, isSet = true): void {
  host.verbs["channels.list"] = () => [{ id: "chat", state, detail: "as @nano" }];
  host.verbs["channels.describe"] = () => ({ channel: "chat", title: "Chat", fields: [{ ...token, isSet }] });
}

const clientOf = (host: FakeHost) => new ControlClient(host.socketPath);

test("a skill is told with what it needs, what is installed of it, and how it is", async () => {
  using folder = new SkillsFolder();
  await using host = new FakeHost();
  await host.start();
  install(folder);
  running(host, "up");
  assert.deepEqual(await skillInfo(folder.root, clientOf(host), "chat"), {
    ...{ name: "chat", kind: "channel", does: "Talk in Chat.", folder: "skills/add-chat", installed: true, size: SIZE },
    ...{ state: "up", detail: "as @nano", credentials: [token] },
    packages: [
      { name: "line", wanted: "^1.0.0", installed: "1.2.3" },
      { name: "@a/plug", wanted: "2.0.0", installed: "2.0.0" },
    ],
  });
});

test("without a host, or without its packages, what can be known is told, and why not the rest", async () => {
  using folder = new SkillsFolder();
  await using host = new FakeHost();
  folder.write("skills/add-chat/package.json", '{"dependencies": {"line": "^1.0.0"}}');
  const without = await skillInfo(folder.root, clientOf(host), "chat");
  assert.deepEqual([without.installed, without.size, without.state], [false, 0, "unknown"]);
  assert.deepEqual([without.credentials, without.packages[0]?.installed], [null, null]);
  assert.match(without.detail, /not running.*ncl up/);
  await host.start();
  host.verbs["channels.list"] = () => [];
  host.verbs["channels.describe"] = () => {
    throw new VerbFailure("misuse", 'the channel "chat" can\'t be loaded');
  };
  const { state, detail, credentials } = await skillInfo(folder.root, clientOf(host), "chat");
  assert.deepEqual(
    [state, detail, credentials],
    ["not added", 'the channel "chat" can\'t be loaded. try otherwise', null],
  );
});

test("a skill without code needs nothing and no host", async () => {
  using folder = new SkillsFolder();
  await using host = new FakeHost();
  const info = await skillInfo(folder.root, clientOf(host), "tidy");
  assert.deepEqual([info.kind, info.installed, info.packages, info.credentials], ["instructions", true, [], []]);
  assert.equal((await verifySkill(folder.root, clientOf(host), "tidy")).works, true);
});

test("a file that is no manifest is named, with how to have it back", async () => {
  using folder = new SkillsFolder();
  await using host = new FakeHost();
  folder.write("skills/add-chat/package.json", "{");
  await assert.rejects(skillInfo(folder.root, clientOf(host), "chat"), /skills\/add-chat\/package\.json can't be read/);
});

test("what the project links from itself is not counted as installed", () => {
  using folder = new SkillsFolder();
  folder.write("packages/own/index.js", "x");
  folder.write("skills/add-chat/node_modules/.keep", "");
  symlinkSync(join(folder.root, "packages/own"), join(folder.root, "skills/add-chat/node_modules/own"));
  symlinkSync("nowhere", join(folder.root, "skills/add-chat/node_modules/gone"));
  assert.equal(sizeOf(folder.root, "skills/add-chat"), 0);
});

test("a skill works where its packages are there, it has what it must have, and its channel came up", async () => {
  using folder = new SkillsFolder();
  await using host = new FakeHost();
  await host.start();
  install(folder);
  running(host, "up");
  let looks = 0;
  host.verbs["channels.list"] = () => [{ id: "chat", state: looks++ < 2 ? "starting" : "up", detail: "as @nano" }];
  const verdict = await verifySkill(folder.root, clientOf(host), "chat");
  assert.equal(verdict.works, true);
  assert.equal(
    verdictText(verdict),
    "✓ packages: line 1.2.3, @a/plug 2.0.0\n✓ credentials: all that it must have\n✓ channel: up: as @nano\nchat works.\n",
  );
  assert.ok(
    host.calls.every(({ verb }) => verb === "channels.list" || verb === "channels.describe"),
    "it changes nothing",
  );
});

test("each thing that is wrong is told with what to do", async () => {
  using folder = new SkillsFolder();
  await using host = new FakeHost();
  await host.start();
  install(folder);
  running(host, "down", false);
  const failures = async () =>
    (await verifySkill(folder.root, clientOf(host), "chat")).checks
      .filter(({ passed }) => !passed)
      .map(({ check, found, next }) => `${check}: ${found} > ${next}`);
  assert.deepEqual(await failures(), [
    "credentials: missing: Token > Run: ncl skills add chat",
    "channel: down: as @nano > Put that right, then run: ncl skills add chat",
  ]);
  folder.write("skills/add-chat/node_modules/.nanoclaw-installed", "of another lockfile");
  host.verbs["channels.list"] = () => [];
  const [packages, , channel] = await failures();
  assert.match(packages ?? "", /lockfile has changed.*skills add chat/);
  assert.match(channel ?? "", /was not added > Run: ncl skills add chat/);
  folder.write("skills/add-chat/package.json", '{"dependencies": {"other": "1.0.0"}}');
  assert.match((await failures())[0] ?? "", /not installed: other/);
});
