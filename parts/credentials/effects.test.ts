import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type VerbInput, verbs } from "../../api/verbs.ts";
import { providerRequest } from "../../drivers/door/provider-request.ts";
import { SealedVault } from "../../drivers/vault/vault.ts";
import type { EffectContext } from "../../src/control/execute.ts";
import { Misuse } from "../../src/lib/errors.ts";
import { SignInServer } from "../../test/support/sign-in-server.ts";
import { world } from "../../test/support/world.ts";
import { credentialEffects } from "./effects.ts";

const SECRET = "a-secret-word-that-nobody-says";

async function given(t: TestContext) {
  const dir = mkdtempSync(join(tmpdir(), "credentials-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const server = await SignInServer.start(t);
  const { store, clock } = world();
  const keyFile = join(dir, "vault.key");
  const vault = new SealedVault(store.db, keyFile, { clock, ask: providerRequest([server.certificate]) });
  const checked: [string, string][] = [];
  const renewals: number[] = [];
  const effects = credentialEffects({
    ...{ clock, vault, keyFile, renew: () => renewals.push(1) },
    model: {
      check: async (name, { secret }) => {
        checked.push([name, secret]);
        return secret === "wrong" ? { check: "bad", detail: "refused" } : { check: "good", detail: "taken" };
      },
    },
  });
  const context = {
    actor: { kind: "operator" },
    record: (_resource: string, change: () => unknown) => store.db.transaction(change),
  } as unknown as EffectContext;
  const set = async (args: VerbInput<"credentials.set">) =>
    effects["credentials.set"](verbs["credentials.set"].args.parse(args), context);
  const show = (name: string) => effects["credentials.show"]({ name }, context);
  return { effects, vault, server, store, clock, context, set, show, checked, keyFile, renewed: () => renewals.length };
}

/** What it is refused with. */
const refusal = (work: Promise<unknown>) =>
  work.then(
    () => assert.fail("it was taken"),
    (error: unknown) => {
      assert.ok(error instanceof Misuse, String(error));
      assert.equal(`${error.message} ${error.hint}`.includes(SECRET), false);
      return `${error.message}. ${error.hint}`;
    },
  );

test("each kind is kept with its settings and shown without its value", async (t) => {
  const { set, show, vault, effects, context } = await given(t);
  await set({ name: "github", kind: "bearer", secret: ` ${SECRET}\n`, variable: "GITHUB_TOKEN" });
  await set({ name: "search", kind: "query", secret: SECRET, parameter: "key" });
  await set({ name: "files", kind: "basic", secret: SECRET, user: "me" });
  await set({ name: "maps", kind: "header", secret: SECRET, header: "X-Api-Key" });
  assert.deepEqual((await vault.wire("github")).set, { authorization: `Bearer ${SECRET}` });
  const listed = await effects["credentials.list"]({}, context);
  assert.deepEqual(
    listed.map(({ name, kind, variable, state }) => [name, kind, variable, state]),
    [
      ["files", "basic", "", "ok"],
      ["github", "bearer", "GITHUB_TOKEN", "ok"],
      ["maps", "header", "", "ok"],
      ["search", "query", "", "ok"],
    ],
  );
  assert.ok(listed[1]?.usedAt);
  const shown = await Promise.all(["files", "github", "maps", "search"].map(show));
  assert.deepEqual(
    shown.map(({ settings }) => settings),
    [{ user: "me" }, {}, { header: "x-api-key", prefix: "" }, { parameter: "key" }],
  );
  assert.equal(JSON.stringify([listed, shown]).includes(SECRET), false);
});

test("what is missing, too much or wrong is said with what to do, and nothing is kept", async (t) => {
  const { set, vault } = await given(t);
  const secret = SECRET;
  const name = "x";
  const said: [Promise<unknown>, RegExp][] = [
    [set({ name, secret, kind: "header" }), /needs --header.*It takes --header, --prefix/],
    [set({ name, secret, kind: "basic" }), /needs --user/],
    [set({ name, secret, kind: "query" }), /needs --parameter/],
    [set({ name, secret, kind: "oauth2" }), /needs --token-endpoint/],
    [set({ name, secret, kind: "oauth2", provider: "google" }), /needs --client-id/],
    [set({ name, secret, kind: "oauth2", provider: "other" }), /no provider "other".*claude, google, github/],
    [
      set({ name, secret, kind: "oauth2", tokenEndpoint: "http://x.test", clientId: "c" }),
      /tokenEndpoint must be an https/,
    ],
    [set({ name, secret: `{"token": "${SECRET}"}`, kind: "oauth2", provider: "claude" }), /no refresh token/],
    [set({ name, secret, kind: "bearer", user: "me" }), /kind bearer has no user.*nothing but the secret/],
    [set({ name, secret: `${SECRET} b`, kind: "bearer" }), /it has spaces/],
    [set({ name, secret, kind: "header", header: "Host" }), /header is a header that belongs to the connection/],
    [set({ name, secret, kind: "bearer", variable: "PATH" }), /PATH is a variable that containers live by/],
    [set({ name, secret, variable: "X" }), /kind api_key is for the model/],
    [set({ name: "anthropic", secret, kind: "bearer" }), /"anthropic" is the model's/],
    [set({ name: "channel-telegram", secret }), /what a channel signs in with.*skills add/],
  ];
  for (const [work, words] of said) assert.match(await refusal(work), words);
  assert.deepEqual(vault.list(), []);
});

test("a sign-in is tried at once; one that its provider refuses is told as bad, and which one works is known", async (t) => {
  const { set, server, show, vault } = await given(t);
  const settings = { kind: "oauth2", tokenEndpoint: server.tokenEndpoint, clientId: "c" } as const;
  const good = await set({ name: "mail", secret: JSON.stringify({ refresh_token: server.refreshToken }), ...settings });
  assert.deepEqual(good, { name: "mail", check: "good", detail: "the provider takes it" });
  assert.equal((await show("mail")).settings.clientId, "c");
  const bad = await set({ name: "mail", secret: "spent", ...settings });
  assert.equal(bad.check, "bad");
  assert.match(bad.detail, /expired or was revoked.*Sign in with the provider again/);
  assert.match((await show("mail")).state, /revoked/);
  server.mood = "error 500";
  const later = await set({ name: "mail", secret: server.signIn(), ...settings });
  assert.deepEqual([later.check, /stored unchecked/.test(later.detail)], ["not_checked", true]);
  assert.equal(vault.list().length, 1);
});

test("the model's subscription is given as its own tool keeps it, refreshed, and checked with the model's API", async (t) => {
  const { set, server, vault, clock, checked } = await given(t);
  const own = { accessToken: "given-access", refreshToken: server.refreshToken, expiresAt: clock.now() + 3_600_000 };
  const secret = JSON.stringify({ claudeAiOauth: { ...own, scopes: ["user:inference"] } });
  const args = {
    name: "anthropic",
    kind: "oauth2",
    provider: "claude",
    tokenEndpoint: server.tokenEndpoint,
    secret,
  } as const;
  assert.deepEqual(await set(args), { name: "anthropic", check: "good", detail: "taken" });
  assert.deepEqual(checked, [["anthropic", "given-access"]]);
  clock.jump(3_500_000);
  assert.equal((await vault.forModel("anthropic"))?.secret, server.granted.at(-1));
  assert.deepEqual(
    server.asked.map(({ client_id, grant_type }) => [client_id?.length, grant_type]),
    [[36, "refresh_token"]],
  );
});

test("a model's key that its API refuses is not kept", async (t) => {
  const { set, vault } = await given(t);
  assert.equal((await set({ name: "anthropic", secret: "wrong" })).check, "bad");
  assert.deepEqual(vault.list(), []);
});

test("the vault's key is changed, and idle containers are made anew", async (t) => {
  const { set, effects, context, keyFile, vault, renewed } = await given(t);
  await set({ name: "github", kind: "bearer", secret: SECRET });
  const before = readFileSync(keyFile);
  assert.deepEqual(await effects["credentials.rotate-key"]({}, context), { credentials: 1, key: keyFile });
  assert.equal(readFileSync(keyFile).equals(before), false);
  assert.equal((await vault.wire("github")).secret, SECRET);
  assert.equal(renewed(), 1);
});

test("without the vault's key everything is listed, shown with what to do, and can be removed", async (t) => {
  const { set, effects, context, keyFile, store, clock } = await given(t);
  await set({ name: "maps", kind: "header", secret: SECRET, header: "x-key" });
  rmSync(keyFile);
  const vault = new SealedVault(store.db, keyFile, { clock });
  const locked = credentialEffects({ clock, vault, keyFile, renew: () => {}, model: { check: () => assert.fail() } });
  assert.equal((await locked["credentials.list"]({}, context)).length, 1);
  assert.match((await locked["credentials.show"]({ name: "maps" }, context)).state, /key .* is missing.*backup/);
  assert.deepEqual(await locked["credentials.remove"]({ name: "maps" }, context), { done: true });
  await assert.rejects(async () => locked["credentials.remove"]({ name: "maps" }, context), Misuse);
  assert.deepEqual(await effects["credentials.list"]({}, context), []);
});
