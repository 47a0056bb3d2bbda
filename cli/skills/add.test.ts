import assert from "node:assert/strict";
import { test } from "node:test";
import { Misuse } from "../../src/lib/errors.ts";
import { ControlClient, HostDown } from "../client.ts";
import { FakeHost, VerbFailure } from "../testing/fake-host.ts";
import { SkillsFolder } from "../testing/skills-folder.ts";
import { type Adding, addSkill, nextStep, removeSkill } from "./add.ts";

const TOKEN = "not-a-real-token";
const field = { name: "token", label: "Token", help: "Ask for it.", secret: true, required: true };

/** A host in which Chat comes up as `states` say, one a look; the last stays. */
function chatHost(host: FakeHost, states: string[]): void {
  let added = false;
  let kept = false;
  Object.assign(host.verbs, {
    "channels.list": () => {
      const state = added ? (states.length > 1 ? states.shift() : states[0]) : null;
      return [
        { id: "terminal", state: "up", detail: "" },
        ...(state ? [{ id: "chat", state, detail: "as @nano" }] : []),
      ];
    },
    "channels.describe": () => ({ channel: "chat", title: "Chat", fields: [{ ...field, isSet: kept }] }),
    "channels.add": () => {
      added = true;
      kept = true;
      return { id: "chat", state: "starting", detail: "" };
    },
    "channels.remove": () => {
      added = false;
      kept = false;
      return { done: true };
    },
    "channels.pair": () => ({ code: "ABCD1234", group: "main", expiresAt: Date.now() + 600_000 }),
  });
}

const adding = (host: FakeHost, folder: SkillsFolder, env: NodeJS.ProcessEnv = {}): Adding => ({
  root: folder.root,
  client: new ControlClient(host.socketPath),
  env: { PATH: process.env.PATH, ...env },
  ...{ file: {}, ask: null, activity() {}, passing() {} },
});

const asked = (host: FakeHost) => host.calls.map(({ verb }) => verb).filter((verb) => verb !== "channels.list");

test("adding installs this skill alone, gives the credentials to the host alone, and ends with a code to pair", async () => {
  using folder = new SkillsFolder();
  await using host = new FakeHost();
  await host.start();
  chatHost(host, ["starting", "starting", "up"]);
  const added = await addSkill(adding(host, folder, { NANOCLAW_CHAT_TOKEN: TOKEN }), "chat");
  assert.deepEqual(asked(host), ["channels.describe", "channels.add", "channels.pair"]);
  const { args } = host.calls.find(({ verb }) => verb === "channels.add") ?? { args: {} };
  assert.deepEqual(args, { channel: "chat", credentials: JSON.stringify({ token: TOKEN }) });
  assert.equal(folder.installs.length, 1);
  assert.match(folder.installs[0] ?? "", /^--filter \.\/skills\/add-chat install --frozen-lockfile .*token=$/);
  assert.match(
    nextStep(added),
    /Chat is up: as @nano\..*send it this code.*ABCD1234.*until \d{4}-.*channels pair chat/s,
  );
});

test("adding again installs nothing, restarts nothing and makes another code; new credentials are handed over", async () => {
  using folder = new SkillsFolder();
  await using host = new FakeHost();
  await host.start();
  chatHost(host, ["up"]);
  await addSkill(adding(host, folder, { NANOCLAW_CHAT_TOKEN: TOKEN }), "chat");
  host.calls.length = 0;
  await addSkill(adding(host, folder), "chat");
  assert.deepEqual(asked(host), ["channels.describe", "channels.pair"]);
  await addSkill({ ...adding(host, folder), file: { token: "other" } }, "chat");
  assert.ok(asked(host).includes("channels.add"));
  assert.equal(folder.installs.length, 1);
  folder.write("pnpm-lock.yaml", "changed");
  await addSkill(adding(host, folder), "chat");
  assert.equal(folder.installs.length, 2);
});

test("without credentials it says what is missing before anything is added", async () => {
  using folder = new SkillsFolder();
  await using host = new FakeHost();
  await host.start();
  chatHost(host, ["up"]);
  await assert.rejects(addSkill(adding(host, folder), "chat"), /Chat needs: Token \(token\)/);
  assert.deepEqual(asked(host), ["channels.describe"]);
});

test("a channel that stays down fails with its own words, and asks again the next time", async () => {
  using folder = new SkillsFolder();
  await using host = new FakeHost();
  await host.start();
  chatHost(host, ["down"]);
  const failed = addSkill(adding(host, folder, { NANOCLAW_CHAT_TOKEN: TOKEN }), "chat");
  await assert.rejects(failed, (error) => {
    assert.ok(error instanceof Misuse);
    assert.equal(error.message, "Chat was added, but is down: as @nano");
    assert.match(error.hint, /ncl skills add chat/);
    return true;
  });
  const questions: string[] = [];
  const ask: Adding["ask"] = async ({ label }) => {
    questions.push(label);
    chatHost(host, ["up"]);
    return "better";
  };
  await addSkill({ ...adding(host, folder), ask }, "chat");
  assert.deepEqual(questions, ["Token"]);
});

test("no code is no failure: the channel is up", async () => {
  using folder = new SkillsFolder();
  await using host = new FakeHost();
  await host.start();
  chatHost(host, ["up"]);
  host.verbs["channels.pair"] = () => {
    throw new VerbFailure("refused", "there is no agent group");
  };
  const added = await addSkill(adding(host, folder, { NANOCLAW_CHAT_TOKEN: TOKEN }), "chat");
  assert.match(nextStep(added), /Chat is up.*there is no agent group.*ncl channels pair chat/s);
});

test("without a host or a network nothing is half done", async () => {
  using folder = new SkillsFolder();
  await using host = new FakeHost();
  await assert.rejects(addSkill(adding(host, folder), "chat"), HostDown);
  assert.deepEqual(folder.installs, []);
  await host.start();
  chatHost(host, ["up"]);
  folder.write("offline", "");
  const env = { NANOCLAW_CHAT_TOKEN: TOKEN };
  await assert.rejects(addSkill(adding(host, folder, env), "chat"), /could not be installed: .*no such host/);
  assert.deepEqual(asked(host), []);
});

test("a skill without code is pointed to", async () => {
  using folder = new SkillsFolder();
  await using host = new FakeHost();
  const added = await addSkill(adding(host, folder), "tidy");
  assert.match(nextStep(added), /coding agent.*skills\/tidy\/SKILL\.md/);
  assert.deepEqual(folder.installs, []);
});

test("removing takes channel and packages away, and may be repeated", async () => {
  using folder = new SkillsFolder();
  await using host = new FakeHost();
  await host.start();
  chatHost(host, ["up"]);
  await addSkill(adding(host, folder, { NANOCLAW_CHAT_TOKEN: TOKEN }), "chat");
  assert.ok(folder.has("skills/add-chat/node_modules"));
  host.calls.length = 0;
  for (let round = 0; round < 2; round++) await removeSkill(adding(host, folder), "chat");
  assert.deepEqual(asked(host), ["channels.remove"]);
  assert.ok(!folder.has("skills/add-chat/node_modules"));
  assert.ok(folder.has("skills/add-chat/channel.ts"));
});
