/** Slack's tokens look alike: each field knows its own, and no message repeats what was given. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { z } from "zod";
import { Misuse } from "../../src/lib/errors.ts";
import { credentials, signInOf } from "./credentials.ts";
import { SCOPES } from "./scopes.ts";
import { APP_TOKEN, BOT_TOKEN, SIGNING_SECRET } from "./testing/emulator.ts";

const socket = { botToken: BOT_TOKEN, appToken: APP_TOKEN };
const webhook = { botToken: BOT_TOKEN, appToken: "none", signingSecret: SIGNING_SECRET, webhookPort: "8080" };

function wrong(given: Record<string, string>): string {
  try {
    signInOf(given);
  } catch (error) {
    assert.ok(error instanceof Misuse);
    const words = `${error.message} ${error.hint}`;
    for (const secret of [BOT_TOKEN, APP_TOKEN, SIGNING_SECRET]) assert.ok(!words.includes(secret), words);
    return words;
  }
  return assert.fail("it was taken");
}

test("a socket needs an app-level token, calls a signing secret and a port, and one of both is chosen", () => {
  assert.deepEqual(signInOf(socket).way, { appToken: APP_TOKEN });
  assert.deepEqual(signInOf({ ...socket, signingSecret: "", webhookPort: "" }).way, { appToken: APP_TOKEN });
  assert.deepEqual(signInOf(webhook).way, { signingSecret: SIGNING_SECRET, port: 8080 });
  assert.match(wrong({ ...webhook, webhookPort: "" }), /no way to this host/);
  assert.match(wrong({ ...webhook, signingSecret: "" }), /no way to this host/);
  assert.match(wrong({ ...webhook, appToken: APP_TOKEN }), /both/);
});

test("tokens that were mixed up are told where they belong", () => {
  const cases: [Record<string, string>, RegExp][] = [
    [{ botToken: APP_TOKEN }, /app-level token; it belongs into appToken/],
    [{ appToken: BOT_TOKEN }, /bot token; it belongs into botToken/],
    [{ botToken: SIGNING_SECRET }, /signing secret; it belongs into signingSecret/],
    [{ botToken: ["xoxp", "1".repeat(20)].join("-") }, /user token.*Bot User OAuth Token/],
    [{ botToken: ["xoxe.xoxb", "1".repeat(20)].join("-") }, /token rotation off/],
    [{ botToken: "xoxb-1" }, /not whole/],
    [{ botToken: "Bearer" }, /not whole/],
    [{ appToken: "" }, /not whole/],
  ];
  for (const [given, why] of cases) assert.match(wrong({ ...socket, ...given }), why);
  assert.match(wrong({ ...webhook, signingSecret: BOT_TOKEN }), /bot token; it belongs into botToken/);
});

test("each field says what it is, for whoever is asked", () => {
  const { properties = {}, required } = z.toJSONSchema(credentials, { io: "input" });
  assert.deepEqual(required, ["botToken", "appToken"]);
  for (const [name, field] of Object.entries(properties)) {
    const { description, help, secret } = field as Record<string, unknown>;
    assert.ok(description && help, name);
    assert.equal(secret === true, /Token|Secret/.test(name), name);
  }
});

test("the manifest asks for what the code needs", () => {
  const manifest = JSON.parse(readFileSync(join(import.meta.dirname, "manifest.json"), "utf8"));
  assert.deepEqual(manifest.oauth_config.scopes.bot, SCOPES);
  assert.deepEqual(
    [
      manifest.settings.socket_mode_enabled,
      manifest.settings.token_rotation_enabled,
      manifest.settings.interactivity.is_enabled,
    ],
    [true, false, true],
  );
});
