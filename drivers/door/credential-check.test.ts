import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import type { Credential } from "../../src/gateway/door.ts";
import { checkCredential } from "./credential-check.ts";

const SECRET = "the-key-that-is-checked";

/** An API that answers like this; @returns the check of a credential against it, and the headers that came. */
async function api(t: TestContext, status: number, message = "no", body?: string) {
  const seen: Record<string, unknown>[] = [];
  const server = createServer((request, response) => {
    seen.push({ ...request.headers, url: request.url });
    response.writeHead(status).end(body ?? JSON.stringify({ type: "error", error: { type: "x", message } }));
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  t.after(() => server.close());
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const check = (kind: Credential["kind"] = "api_key", secret = SECRET) =>
    checkCredential({ address, needsCredential: true }, { kind, secret });
  return { seen, check };
}

test("a key that the API takes is good; so is a subscription's token", async (t) => {
  const { seen, check } = await api(t, 200, "", '{"input_tokens":8}');
  assert.deepEqual(await check(), { ok: true });
  assert.deepEqual(await check("oauth_token"), { ok: true });
  assert.equal(seen[0]?.url, "/v1/messages/count_tokens");
  assert.equal(seen[0]?.["x-api-key"], SECRET);
  assert.equal(seen[1]?.authorization, `Bearer ${SECRET}`);
  assert.equal(seen[1]?.["anthropic-beta"], "oauth-2025-04-20");
});

const verdicts: [status: number, message: string, result: string][] = [
  [401, "invalid x-api-key", "auth"],
  [403, "not for you", "auth"],
  [400, "Your credit balance is too low", "quota"],
  [400, "model: unknown", "ok"],
  [404, "model: claude-x", "ok"],
  [429, "slow down", "ok"],
  [529, "Overloaded", "overload"],
  [500, "Internal", "overload"],
  [302, "elsewhere", "refused"],
];
for (const [status, message, result] of verdicts) {
  test(`status ${status} "${message}" means ${result}`, async (t) => {
    const { check } = await api(t, status, message);
    const verdict = await check();
    assert.equal(verdict.ok ? "ok" : verdict.class, result);
    if (!verdict.ok) assert.ok(verdict.message.includes(message));
  });
}

test("the secret is never repeated, whatever the API says", async (t) => {
  for (const body of [undefined, `<html>${SECRET}</html>`]) {
    const { check } = await api(t, 401, `the key ${SECRET} is wrong`, body);
    const verdict = await check();
    assert.ok(!verdict.ok && !verdict.message.includes(SECRET));
  }
});

test("an API that is not there, and a credential that can't be one, are told apart from a refusal", async (t) => {
  const gone = await checkCredential(
    { address: "http://127.0.0.1:1", needsCredential: true },
    { kind: "api_key", secret: SECRET },
  );
  assert.deepEqual(gone, {
    ok: false,
    class: "unreachable",
    message: "127.0.0.1:1 could not be asked: nothing listens there.",
  });
  const { check, seen } = await api(t, 200);
  const verdict = await check("api_key", "two\nlines");
  assert.equal(verdict.ok ? "" : verdict.class, "auth");
  assert.equal(seen.length, 0);
});
