import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { standInHost } from "../testing/stand-in-host.ts";
import { credential, credentialFrom, givenCredential } from "./credential.ts";

const quiet = { activity() {}, passing() {} };
const SECRET = "not-a-real-key";
const host = {
  "credentials.list": () => [],
  "credentials.set": () => ({ name: "anthropic", check: "good", detail: "" }),
};

test("a subscription token is told from a key by its beginning", () => {
  assert.equal(credentialFrom(" sk-ant-oat-x \n", "a file").kind, "oauth_token");
  assert.equal(credentialFrom("sk-ant-api-x", "a file").kind, "api_key");
  assert.equal(credentialFrom(" sk-ant-oat-x \n", "a file").secret, "sk-ant-oat-x");
});

test("the file wins over the environment, and an empty variable is none", () => {
  assert.equal(givenCredential(null, { ANTHROPIC_API_KEY: " " }), null);
  assert.equal(givenCredential(null, { ANTHROPIC_API_KEY: SECRET })?.source, "ANTHROPIC_API_KEY");
  assert.throws(() => givenCredential("/nowhere/key", { ANTHROPIC_API_KEY: SECRET }), /can't be read/);
});

test("the secret goes to the host and nowhere else", async (t) => {
  const { context, asked, folder } = await standInHost(t, host);
  const file = join(folder, "key");
  writeFileSync(file, `${SECRET}\n`);
  const said = await credential.run({ ...context, credentialFile: file }, quiet);
  assert.deepEqual(asked[0], { verb: "credentials.set", args: { name: "anthropic", kind: "api_key", secret: SECRET } });
  assert.deepEqual(asked[1], { verb: "model.use", args: { model: "anthropic" } });
  context.shell.log("end");
  assert.ok(!`${said}${readFileSync(context.shell.logFile, "utf8")}`.includes(SECRET));
});

test("a refused credential stops the set-up and says why", async (t) => {
  const { context, asked } = await standInHost(t, {
    ...host,
    "credentials.set": () => ({ name: "anthropic", check: "bad", detail: "invalid x-api-key" }),
  });
  await assert.rejects(
    async () => credential.run({ ...context, env: { ANTHROPIC_API_KEY: SECRET } }, quiet),
    /from ANTHROPIC_API_KEY was refused: invalid x-api-key/,
  );
  assert.ok(!asked.some(({ verb }) => verb === "model.use"));
});

test("with no credential the practice model answers, and the next run does not ask again", async (t) => {
  const { context, asked } = await standInHost(t, host);
  assert.notEqual(await credential.todo(context), null);
  await credential.run(context, quiet);
  assert.deepEqual(asked.at(-1), { verb: "model.use", args: { model: "practice" } });
  assert.equal(await credential.todo(context), null);
});
