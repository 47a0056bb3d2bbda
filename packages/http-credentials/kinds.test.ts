import assert from "node:assert/strict";
import { validateHeaderName, validateHeaderValue } from "node:http";
import { test } from "node:test";
import fc from "fast-check";
import { httpCredential } from "./kinds.ts";
import { settingsOf, wireOf } from "./wire.ts";

const oauth2 = {
  kind: "oauth2",
  secret: "r",
  tokenEndpoint: "https://sign-in.example.org/token",
  clientId: "c",
  clientSecret: null,
  scopes: [],
  body: "form",
  access: null,
};

const plain = fc.oneof(
  fc.record({ kind: fc.constant("header"), secret: fc.string(), header: fc.string(), prefix: fc.string() }),
  fc.record({ kind: fc.constant("bearer"), secret: fc.string() }),
  fc.record({ kind: fc.constant("basic"), secret: fc.string({ unit: "grapheme" }), user: fc.string() }),
  fc.record({ kind: fc.constant("query"), secret: fc.string({ unit: "grapheme" }), parameter: fc.string() }),
);

test("whatever passes can be sent as it is; what does not is refused without a word of the secret", () => {
  let passed = 0;
  fc.assert(
    fc.property(plain, (input) => {
      const parsed = httpCredential.safeParse(input);
      if (!parsed.success) {
        if (input.secret.length > 12) assert.equal(parsed.error.message.includes(input.secret), false);
        return;
      }
      if (parsed.data.kind === "oauth2") return;
      passed += 1;
      const { set, query, secret } = wireOf(parsed.data);
      assert.equal(secret, input.secret);
      for (const [name, value] of Object.entries(set)) {
        validateHeaderName(name);
        validateHeaderValue(name, value);
        assert.equal(name, name.toLowerCase());
      }
      assert.equal(Object.keys(set).length + Object.keys(query).length, 1);
      assert.equal(
        Object.values(settingsOf(parsed.data)).some((value) => value === secret && secret.length > 6),
        false,
      );
    }),
    { numRuns: 2000 },
  );
  assert.ok(passed > 100, `only ${passed} passed`);
});

test("each kind goes where it belongs", () => {
  const wire = (input: object) => {
    const parsed = httpCredential.parse(input);
    return parsed.kind === "oauth2" ? assert.fail() : wireOf(parsed);
  };
  assert.deepEqual(wire({ kind: "header", secret: "s", header: "X-Api-Key", prefix: "" }).set, { "x-api-key": "s" });
  assert.deepEqual(wire({ kind: "header", secret: "s", header: "Authorization", prefix: "Token " }).set, {
    authorization: "Token s",
  });
  assert.deepEqual(wire({ kind: "bearer", secret: "s" }).set, { authorization: "Bearer s" });
  assert.deepEqual(wire({ kind: "basic", secret: "pä:ss", user: "me" }).set, {
    authorization: `Basic ${Buffer.from("me:pä:ss").toString("base64")}`,
  });
  assert.deepEqual(wire({ kind: "query", secret: "a&b=c", parameter: "key" }), {
    set: {},
    query: { key: "a&b=c" },
    secret: "a&b=c",
  });
});

test("nothing that could change a request's shape passes", () => {
  const header = { kind: "header", secret: "s", header: "x-key", prefix: "" };
  const bad = [
    { ...header, secret: "s\r\nHost: x" },
    { ...header, secret: " s" },
    { ...header, prefix: "a\nb" },
    { ...header, header: "Host" },
    { ...header, header: "Transfer-Encoding" },
    { ...header, header: "Proxy-Authorization" },
    { ...header, header: "a b" },
    { ...header, header: "" },
    { kind: "bearer", secret: "" },
    { kind: "bearer", secret: "a b" },
    { kind: "basic", secret: "a\nb", user: "me" },
    { kind: "basic", secret: "x", user: "m:e" },
    { kind: "query", secret: "x", parameter: "a=b&c" },
    { kind: "other", secret: "x" },
    { ...oauth2, tokenEndpoint: "http://sign-in.example.org/token" },
    { ...oauth2, tokenEndpoint: "https://me:word@sign-in.example.org/token" },
    { ...oauth2, tokenEndpoint: "file:///etc/passwd" },
    { ...oauth2, secret: "two words" },
  ];
  for (const input of bad) assert.equal(httpCredential.safeParse(input).success, false, JSON.stringify(input));
  assert.equal(httpCredential.safeParse(oauth2).success, true);
});
