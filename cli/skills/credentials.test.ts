import assert from "node:assert/strict";
import { test } from "node:test";
import { Misuse } from "../../src/lib/errors.ts";
import { credentialsIn, type Field, gather, variableOf, withoutCredentials } from "./credentials.ts";

const SECRET = "not-a-real-token";
const field = (name: string, more: Partial<Field> = {}): Field => ({
  ...{ name, label: `The ${name}`, help: `Get the ${name}.`, secret: true, required: true, isSet: false },
  ...more,
});
const needs = (...fields: Field[]) => ({ channel: "chat", title: "Chat", fields });
const sources = (env: NodeJS.ProcessEnv = {}, file = {}) => ({ env, file, ask: null });

test("a field's variable is named after the channel and the field", () => {
  assert.equal(variableOf("chat", "apiRoot"), "NANOCLAW_CHAT_API_ROOT");
  assert.equal(variableOf("web-chat", "token"), "NANOCLAW_WEB_CHAT_TOKEN");
  assert.deepEqual(withoutCredentials({ NANOCLAW_CHAT_TOKEN: SECRET, NANOCLAW_DATA: "d" }, "chat"), {
    NANOCLAW_DATA: "d",
  });
});

test("the file wins over the environment, which wins over asking", async () => {
  const asked: string[] = [];
  const ask = async ({ name }: Field) => {
    asked.push(name);
    return ` ${name} typed `;
  };
  const env = { NANOCLAW_CHAT_ONE: "env", NANOCLAW_CHAT_TWO: " env ", NANOCLAW_CHAT_ROOT: "env" };
  const fields = [field("one"), field("two"), field("three"), field("root", { required: false })];
  const given = await gather(needs(...fields), { env, file: { one: "file" }, ask }, false);
  assert.deepEqual(given, { one: "file", two: "env", three: "three typed", root: "env" });
  assert.deepEqual(asked, ["three"]);
});

test("an empty value takes back what may be left out, and nothing else", async () => {
  const fields = [field("token", { isSet: true }), field("root", { required: false, isSet: true })];
  assert.deepEqual(await gather(needs(...fields), sources({}, { token: "", root: "" }), false), { root: "" });
});

test("what is stored is not asked for, but when it did not work; empty keeps it", async () => {
  const stored = needs(field("token", { isSet: true }));
  const ask = async () => "new";
  assert.deepEqual(await gather(stored, { ...sources(), ask }, false), {});
  assert.deepEqual(await gather(stored, { ...sources(), ask }, true), { token: "new" });
  assert.deepEqual(await gather(stored, { ...sources(), ask: async () => "" }, true), {});
  assert.deepEqual(await gather(stored, sources(), true), {});
});

test("what is missing is named with the ways to give it", async () => {
  await assert.rejects(gather(needs(field("token"), field("other", { isSet: true })), sources(), false), (error) => {
    assert.ok(error instanceof Misuse);
    assert.equal(error.message, "Chat needs: The token (token)");
    assert.match(error.hint, /^Get the token\. Then set NANOCLAW_CHAT_TOKEN, or .*--credentials-file, or .*terminal/);
    return true;
  });
});

test("a file that says something else is refused, and never quoted", async () => {
  for (const text of ["", SECRET, `["${SECRET}"]`, `{"token": 1, "x": "${SECRET}"}`, "null"])
    assert.throws(
      () => credentialsIn(text),
      (error) => error instanceof Misuse && !`${error.message}${error.stack}${error.hint}`.includes(SECRET),
    );
  await assert.rejects(
    gather(needs(field("token")), sources({}, { tokn: SECRET }), false),
    (error) =>
      error instanceof Misuse && /no credential called tokn/.test(error.message) && !error.hint.includes(SECRET),
  );
});
