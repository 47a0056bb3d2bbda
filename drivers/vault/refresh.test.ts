import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { OAuth2 } from "../../packages/http-credentials/kinds.ts";
import { Misuse, messageOf, Retryable } from "../../src/lib/errors.ts";
import { openStore } from "../../src/store/store.ts";
import { type Mood, SignInServer } from "../../test/support/sign-in-server.ts";
import { SettableClock } from "../../test/support/world.ts";
import { providerRequest } from "../door/provider-request.ts";
import { SealedVault } from "./vault.ts";

const MINUTE = 60_000;

/** A vault with one sign-in at a provider on loopback, over TLS. */
async function given(t: TestContext, deadline = 5_000) {
  const server = await SignInServer.start(t);
  const dir = mkdtempSync(join(tmpdir(), "refresh-"));
  t.after(() => rmSync(dir, { recursive: true }));
  const clock = new SettableClock();
  const { db } = openStore(join(dir, "v2.db"));
  t.after(() => db.close());
  const troubles: string[] = [];
  const open = () =>
    new SealedVault(db, join(dir, "vault.key"), {
      clock,
      ask: providerRequest([server.certificate], deadline),
      onTrouble: (_name, why) => troubles.push(why),
    });
  const signIn = (refreshToken: string): OAuth2 => ({
    kind: "oauth2",
    secret: refreshToken,
    tokenEndpoint: server.tokenEndpoint,
    clientId: "client",
    clientSecret: "of-the-client",
    scopes: ["mail"],
    body: "form",
    access: null,
  });
  const vault = open();
  vault.put("mail", signIn(server.refreshToken), clock.now());
  return { server, clock, db, vault, open, signIn, troubles };
}

/** What it fails with. */
async function failure(work: Promise<unknown>): Promise<Error> {
  return work.then(
    () => assert.fail("it did not fail"),
    (error: Error) => error,
  );
}

test("one request serves all who wait, and later ones until it is time again", async (t) => {
  const { server, clock, vault } = await given(t);
  server.delay = 50;
  const wires = await Promise.all(Array.from({ length: 50 }, () => vault.wire("mail")));
  assert.equal(server.asked.length, 1);
  const [first] = wires;
  assert.deepEqual(new Set(wires.map(({ secret }) => secret)), new Set([server.granted.at(-1)]));
  assert.deepEqual(first?.set, { authorization: `Bearer ${first?.secret}` });
  assert.deepEqual(
    [server.asked[0]?.grant_type, server.asked[0]?.client_secret, server.asked[0]?.scope],
    ["refresh_token", "of-the-client", "mail"],
  );
  clock.jump(54 * MINUTE);
  assert.equal((await vault.wire("mail")).secret, first?.secret);
  clock.jump(2 * MINUTE);
  assert.notEqual((await vault.wire("mail")).secret, first?.secret);
  assert.equal(server.asked.length, 2);
  assert.equal(vault.list()[0]?.expiresAt, clock.now() + 60 * MINUTE);
});

test("the new refresh token is there after a restart, and the old one is never used again", async (t) => {
  const { server, clock, vault, open } = await given(t);
  await vault.wire("mail");
  for (let i = 0; i < 4; i++) {
    clock.jump(61 * MINUTE);
    await open().wire("mail");
  }
  const used = server.asked.map(({ refresh_token }) => refresh_token);
  assert.equal(new Set(used).size, 5);
});

test("where the disk does not take the new token nobody gets it, and it is kept as soon as there is room", async (t) => {
  const { server, db, vault } = await given(t);
  db.exec("CREATE TABLE filler (x TEXT)");
  const full = db.get<{ page_count: number }>("PRAGMA page_count")?.page_count ?? 0;
  db.exec(
    `CREATE TRIGGER full BEFORE UPDATE OF sealed ON credentials BEGIN INSERT INTO filler VALUES (hex(randomblob(100000))); END`,
  );
  db.exec(`PRAGMA max_page_count = ${full + 1}`);
  assert.ok((await failure(vault.wire("mail"))) instanceof Retryable);
  assert.ok((await failure(vault.wire("mail"))) instanceof Retryable);
  assert.equal(server.asked.length, 1, "a second request would have spent the old token again");
  db.exec("PRAGMA max_page_count = 1000000; DROP TRIGGER full");
  assert.equal((await vault.wire("mail")).secret, server.granted.at(-1));
  assert.equal(server.asked.length, 1);
});

test("a sign-in that was revoked is told once, with what to do, and asked for no more until it is set again", async (t) => {
  const { server, clock, vault, open, signIn, troubles } = await given(t);
  await vault.wire("mail");
  server.revoke();
  clock.jump(56 * MINUTE);
  // What was granted before lasts to its end.
  assert.equal((await vault.wire("mail")).secret.length > 0, true);
  clock.jump(10 * MINUTE);
  for (const one of [vault, vault, open()]) {
    const error = await failure(one.wire("mail"));
    assert.ok(error instanceof Misuse);
    assert.match(
      error.message,
      /refuses to refresh credential "mail": the sign-in has expired or was revoked \(invalid_grant\)/,
    );
    assert.match(error.hint, /Sign in with the provider again.*ncl credentials set mail/);
    assertSecretFree(server, `${error.message} ${error.hint}`);
  }
  assert.equal(server.asked.length, 2);
  assert.equal(troubles.length, 1);
  assert.match(vault.list()[0]?.trouble ?? "", /revoked/);
  vault.put("mail", signIn(server.signIn()), clock.now());
  assert.equal(vault.list()[0]?.trouble, null);
  assert.equal((await vault.wire("mail")).secret, server.granted.at(-1));
});

test("a provider in trouble is left in peace for a moment; what still works is used meanwhile", async (t) => {
  const { server, clock, vault, signIn, troubles } = await given(t, 300);
  const { secret } = await vault.wire("mail");
  const moods: [Mood, RegExp][] = [
    ["error 500", /status 500/],
    ["busy", /status 429/],
    ["no JSON", /none that OAuth 2 knows/],
    ["no token", /none that OAuth 2 knows/],
    ["redirects", /status 302/],
    ["silent", /no answer within 0.3 seconds/],
    ["cuts", /cut|aborted/],
    ["endless", /larger than 65536/],
  ];
  clock.jump(56 * MINUTE);
  for (const [mood] of moods) {
    server.mood = mood;
    assert.equal((await vault.wire("mail")).secret, secret, mood);
    clock.jump(6_000);
  }
  clock.jump(10 * MINUTE);
  for (const [mood, reason] of moods) {
    server.mood = mood;
    const before = server.asked.length;
    const [error, again] = [await failure(vault.wire("mail")), await failure(vault.wire("mail"))];
    assert.ok(error instanceof Retryable && again instanceof Retryable, mood);
    assert.match(messageOf(error), reason);
    assertSecretFree(server, messageOf(error));
    assert.equal(server.asked.length, before + 1, `${mood}: asked again at once`);
    clock.jump(6_000);
  }
  // Another sign-in under that name does not wait for the old one's pause.
  clock.jump(-6_000);
  server.mood = "well";
  vault.put("mail", signIn(server.signIn()), clock.now());
  assert.notEqual((await vault.wire("mail")).secret, secret);
  assert.deepEqual(troubles, []);
});

function assertSecretFree(server: SignInServer, text: string): void {
  for (const token of [...server.granted, server.refreshToken, "of-the-client"])
    assert.equal(text.includes(token), false);
}

test("an unknown certificate and a provider that is not there are told as such", async (t) => {
  const { server, clock, db, signIn, vault } = await given(t);
  const strict = new SealedVault(db, "/nowhere", { clock, ask: providerRequest() });
  assert.match(
    messageOf(await failure(providerRequest()({ url: server.tokenEndpoint, headers: {}, body: "" }))),
    /its TLS certificate is not trusted/,
  );
  assert.match(messageOf(await failure(strict.wire("mail"))), /key .* is missing/);
  vault.put("gone", { ...signIn("x"), tokenEndpoint: "https://127.0.0.1:1/token" }, clock.now());
  assert.match(messageOf(await failure(vault.wire("gone"))), /127.0.0.1:1: nothing listens there/);
});

test("a clock that is set back or forth costs a refresh, never a token that is over", async (t) => {
  const { server, clock, vault } = await given(t);
  await vault.wire("mail");
  clock.jump(-24 * 60 * MINUTE);
  await vault.wire("mail");
  assert.equal(server.asked.length, 2);
  await vault.wire("mail");
  assert.equal(server.asked.length, 2);
  clock.jump(48 * 60 * MINUTE);
  await vault.wire("mail");
  assert.equal(server.asked.length, 3);
});

test("a sign-in that is set or removed while the old one is refreshed is not overwritten", async (t) => {
  const { server, clock, vault, signIn } = await given(t);
  server.delay = 100;
  const waiting = failure(vault.wire("mail"));
  await new Promise((done) => setTimeout(done, 30));
  vault.put("mail", signIn("another-one"), clock.now());
  assert.ok((await waiting) instanceof Retryable);
  assert.equal((await failure(vault.wire("mail"))).message.includes("revoked"), true);
  assert.equal(server.asked.at(-1)?.refresh_token, "another-one");
  vault.put("mail", signIn(server.signIn()), clock.now());
  const removed = failure(vault.wire("mail"));
  await new Promise((done) => setTimeout(done, 30));
  vault.remove("mail");
  assert.match((await removed).message, /no OAuth 2 credential "mail" any more/);
  assert.deepEqual(vault.list(), []);
});

test("the key may be changed while a refresh is on its way", async (t) => {
  const { server, db, vault } = await given(t);
  server.delay = 100;
  const waiting = vault.wire("mail");
  await new Promise((done) => setTimeout(done, 30));
  vault.rotateKey((reseal) => db.transaction(reseal));
  assert.equal((await waiting).secret, server.granted.at(-1));
});

test("for the model a sign-in is a subscription's token; what is the model's or a channel's goes to no service", async (t) => {
  const { vault, server } = await given(t);
  assert.deepEqual(await vault.forModel("mail"), { kind: "oauth_token", secret: server.granted.at(-1) });
  vault.put("anthropic", { kind: "api_key", secret: "k" }, 1);
  assert.deepEqual(await vault.forModel("anthropic"), { kind: "api_key", secret: "k" });
  assert.equal(await vault.forModel("none"), null);
  assert.match(messageOf(await failure(vault.wire("anthropic"))), /no request to another service may carry it/);
  assert.match(messageOf(await failure(vault.wire("none"))), /there is no credential "none"/);
  assert.throws(() => vault.reveal("mail"), /only requests may carry/);
});
