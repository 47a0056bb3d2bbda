import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { SkillsFolder } from "../../cli/testing/skills-folder.ts";
import { defaults, type Questions } from "../questions.ts";
import { standInHost } from "../testing/stand-in-host.ts";
import { channel } from "./channel.ts";

const quiet = { activity() {}, passing() {} };
const SECRET = "not-a-real-token";
const terminal = { id: "terminal", state: "up", detail: "" };

/** A host in which Chat is up once it has the right token. */
function answers() {
  let added: object[] = [];
  const token = { name: "token", label: "Token", help: "", secret: true, required: true };
  return {
    "channels.list": () => [terminal, ...added],
    "channels.describe": () => ({ channel: "chat", title: "Chat", fields: [{ ...token, isSet: added.length > 0 }] }),
    "channels.add": ({ credentials }: Record<string, unknown>) => {
      const state = String(credentials).includes(SECRET) ? "up" : "down";
      added = [{ id: "chat", state, detail: state === "up" ? "" : "wrong token" }];
      return added[0];
    },
    "channels.pair": () => ({ code: "ABCD1234", group: "main", expiresAt: 0 }),
  };
}

/** Someone who chooses `choice`, types `secrets` one after the other, and says no once there are none. */
const person = (choice: string, secrets: string[] = []): Questions => ({
  ...defaults,
  asked: true,
  choose: async (_question, options, fallback) => options.find(({ value }) => value === choice)?.value ?? fallback,
  secret: async () => secrets.shift() ?? "",
  confirm: async () => secrets.length > 0,
});

test("nobody is asked without a terminal, and the terminal channel is enough", async (t) => {
  const { context, asked } = await standInHost(t, answers());
  assert.equal(await channel.run(context, quiet), "terminal");
  assert.deepEqual(
    asked.map(({ verb }) => verb),
    ["channels.list"],
  );
});

test("a terminal channel that is not up stops the set-up", async (t) => {
  const down = { "channels.list": () => [{ ...terminal, state: "down", detail: "why" }] };
  const { context } = await standInHost(t, down);
  await assert.rejects(channel.run(context, quiet), /the terminal channel is down: why/);
});

test("a person is offered the skills that are channels, once", async (t) => {
  using skills = new SkillsFolder();
  const { context } = await standInHost(t, answers());
  const paths = { ...context.paths, root: skills.root };
  const offered: string[] = [];
  const choose: Questions["choose"] = async (_question, options, fallback) => {
    offered.push(...options.map(({ value }) => value));
    return fallback;
  };
  const here = { ...context, paths, questions: { ...person("terminal"), choose } };
  assert.equal(await channel.run(here, quiet), "terminal");
  assert.equal(await channel.run(here, quiet), "terminal");
  assert.deepEqual(offered, ["terminal", "chat"]);
  assert.ok(existsSync(join(paths.data, "channel-chosen")));
});

test("the channel is added with a second try for a wrong credential, and its code shown", async (t) => {
  using skills = new SkillsFolder();
  const { context } = await standInHost(t, answers());
  const paths = { ...context.paths, root: skills.root };
  const env = { PATH: process.env.PATH };
  const questions = person("chat", ["wrong", SECRET]);
  assert.match(await channel.run({ ...context, paths, env, questions }, quiet), /^terminal, chat; .* ABCD1234/);
  assert.equal(await channel.run({ ...context, paths, env, questions }, quiet), "terminal, chat");
});

test("a channel that can't be added does not stop the set-up", async (t) => {
  using skills = new SkillsFolder();
  skills.write("offline", "");
  const { context } = await standInHost(t, answers());
  const paths = { ...context.paths, root: skills.root };
  const said = await channel.run({ ...context, paths, questions: person("chat") }, quiet);
  assert.match(said, /^terminal; chat does not work yet: .* could not be installed.*Later: bin\/ncl skills add chat$/);
});
