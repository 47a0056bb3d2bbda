import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { OAuth2 } from "./kinds.ts";
import { ageOf, judgeRefresh, refreshRequest } from "./refresh.ts";

const MINUTE = 60_000;
const credential: OAuth2 = {
  kind: "oauth2",
  secret: "old-refresh",
  tokenEndpoint: "https://sign-in.example.org/token",
  clientId: "client",
  clientSecret: null,
  scopes: [],
  body: "form",
  access: null,
};
const judge = (status: number, body: unknown) =>
  judgeRefresh(credential, status, typeof body === "string" ? body : JSON.stringify(body), 1_000);

test("a token is refreshed before its end, earlier for one that lives long, and when the clock was set back", () => {
  const access = { token: "a", issuedAt: 0, expiresAt: 60 * MINUTE };
  const ages = [0, 54, 56, 60, 90].map((minute) => ageOf(access, minute * MINUTE));
  assert.deepEqual(ages, ["fresh", "fresh", "soon", "over", "over"]);
  const short = { token: "a", issuedAt: 0, expiresAt: 10_000 };
  assert.deepEqual(
    [7_000, 9_000].map((now) => ageOf(short, now)),
    ["fresh", "soon"],
  );
  assert.equal(ageOf({ ...access, issuedAt: 30 * MINUTE }, 29.5 * MINUTE), "fresh");
  assert.equal(ageOf({ ...access, issuedAt: 30 * MINUTE }, 10 * MINUTE), "over");
  assert.equal(ageOf(null, 0), "over");
});

test("a request says what RFC 6749 asks for, as a form or as JSON", () => {
  const form = refreshRequest({ ...credential, clientSecret: "s&s", scopes: ["a", "b"] });
  assert.equal(
    form.body,
    "grant_type=refresh_token&refresh_token=old-refresh&client_id=client&client_secret=s%26s&scope=a+b",
  );
  const { body, headers } = refreshRequest({ ...credential, body: "json" });
  assert.deepEqual(JSON.parse(body), {
    grant_type: "refresh_token",
    refresh_token: "old-refresh",
    client_id: "client",
  });
  assert.equal(headers["content-type"], "application/json");
});

test("a grant is taken with the new refresh token, or with the old one where there is no new one", () => {
  const granted = judge(200, { access_token: "a", token_type: "bearer", expires_in: "60", refresh_token: "new" });
  assert.deepEqual(granted, {
    do: "use",
    access: { token: "a", issuedAt: 1_000, expiresAt: 61_000 },
    refreshToken: "new",
  });
  const kept = judge(200, { access_token: "a" });
  assert.equal(kept.do === "use" && kept.refreshToken, "old-refresh");
  assert.equal(kept.do === "use" && kept.access.expiresAt, 1_000 + 30 * MINUTE);
});

test("a refusal is for good, whatever its status, and says why by its code alone", () => {
  const no = (status: number, error: unknown) => judge(status, { error, error_description: "about old-refresh" });
  assert.deepEqual(no(400, "invalid_grant"), { do: "give up", why: "signed out", code: "invalid_grant" });
  assert.deepEqual(no(200, "bad_refresh_token"), { do: "give up", why: "signed out", code: "bad_refresh_token" });
  assert.deepEqual(no(401, "invalid_client"), { do: "give up", why: "client", code: "invalid_client" });
  assert.deepEqual(no(400, { type: "invalid_grant" }), { do: "give up", why: "signed out", code: "invalid_grant" });
  assert.deepEqual(no(400, "old-refresh is bad"), { do: "give up", why: "request", code: "an unknown error" });
  assert.deepEqual(judge(403, "no"), { do: "give up", why: "client", code: "status 403" });
});

test("what may pass is asked for again later", () => {
  for (const [status, body] of [
    [500, { error: "invalid_grant" }],
    [503, ""],
    [429, { error: "slow_down" }],
    [400, "<html>"],
    [302, ""],
    [200, "<html>"],
    [200, {}],
    [200, { access_token: "" }],
    [200, { access_token: "two words" }],
    [200, { access_token: "a", token_type: "mac" }],
    [200, { access_token: "a", expires_in: -5 }],
    [200, []],
    [400, { error: "temporarily_unavailable" }],
  ] as const)
    assert.equal(judge(status, body).do, "ask later", `${status} ${JSON.stringify(body)}`);
});

const failure = fc.record({ error: fc.string() }).map((value) => JSON.stringify(value));

test("no answer, however strange, throws, and no word of it gets into a reason", () => {
  fc.assert(
    fc.property(fc.integer({ min: 100, max: 599 }), fc.oneof(fc.json(), fc.string(), failure), (status, body) => {
      const verdict = judge(status, body);
      if (verdict.do === "give up") assert.match(verdict.code, /^([a-z_]{1,60}|an unknown error|status \d+)$/);
      if (verdict.do === "ask later")
        assert.match(
          verdict.why,
          /^(it answers with status \d+|its answer is none that OAuth 2 knows|it says [a-z_]+)$/,
        );
    }),
  );
});
