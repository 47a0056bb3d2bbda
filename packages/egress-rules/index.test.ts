import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { matchesHost, parseHost } from "./host.ts";
import { checkRule, NoRule, type Request, type Rule, ruleSet } from "./index.ts";

let ids = 0;
function rule(wanted: Partial<Rule>): Rule {
  ids += 1;
  const plain = { id: ids, host: "example.org", port: 443, scheme: "https", methods: ["*"], path: "/**" } as const;
  const more = { action: "allow", credential: null, privateNetwork: false, trusted: false, acts: false } as const;
  return checkRule({ ...plain, ...more, methods: ["*"], ...wanted });
}

const asked = (wanted: Partial<Request> = {}): Request => ({
  ...{ host: "example.org", port: 443, scheme: "https", method: "GET", path: "/" },
  ...wanted,
});
const decided = (rules: Rule[], wanted: Partial<Request> = {}) => ruleSet(rules).decide(asked(wanted)).do;

test("what no rule names is denied", () => {
  assert.equal(decided([]), "deny");
  assert.equal(decided([rule({})], { host: "example.com" }), "deny");
  assert.equal(decided([rule({})], { port: 8443 }), "deny");
  assert.equal(decided([rule({})], { scheme: "http", port: 443 }), "deny");
  assert.equal(decided([rule({ methods: ["GET", "HEAD"] })], { method: "POST" }), "deny");
});

test("the host decides before the path, the path before the methods", () => {
  const deep = rule({ host: "*", path: "/a/b/c", action: "deny" });
  assert.equal(decided([rule({ host: "*.example.org" }), deep], { host: "x.example.org", path: "/a/b/c" }), "allow");
  assert.equal(
    decided([rule({ host: "*.x.example.org", action: "ask" }), rule({ host: "*.example.org" })], {
      host: "y.x.example.org",
    }),
    "ask",
  );
  assert.equal(
    decided([rule({ path: "/a/*" }), rule({ methods: ["GET"], action: "deny" })], { path: "/a/b" }),
    "allow",
  );
  assert.equal(decided([rule({ methods: ["GET"] }), rule({ action: "deny" })]), "allow");
});

test("where several say as much, deny, then allow, then ask", () => {
  assert.equal(decided([rule({}), rule({ action: "deny" }), rule({ action: "ask" })]), "deny");
  assert.equal(decided([rule({ action: "ask" }), rule({})]), "allow");
});

test("a star names names by label, never addresses", () => {
  const matches = (pattern: string, host: string) => {
    const parsed = parseHost(pattern);
    assert.ok(parsed, pattern);
    return matchesHost(parsed, host);
  };
  assert.ok(matches("*.example.org", "a.b.example.org"));
  assert.ok(!matches("*.example.org", "example.org"));
  assert.ok(!matches("*.example.org", "evilexample.org"));
  assert.ok(!matches("*", "192.0.2.1"));
  assert.ok(!matches("*", "2001:db8::1"));
  assert.ok(matches("Example.ORG.", "example.org"));
  assert.ok(matches("[2001:DB8::1]", "2001:db8::1"));
  for (const none of [
    "",
    ".",
    "*.",
    "a..b",
    "*.*",
    "a*.b",
    "-a.b",
    "0x7f.1",
    "1.2.3",
    "*.192.0.2.1",
    "a b",
    "exämple.org",
    "a/b",
  ])
    assert.equal(parseHost(none), null, none);
});

test("a host is the same host in capitals and with a dot at its end", () => {
  assert.equal(
    decided([rule({ host: "example.org", action: "deny" }), rule({ host: "*.org" })], { host: "EXAMPLE.org." }),
    "deny",
  );
});

test("a deny can't be slipped past by escapes, slashes, parameters or capitals", () => {
  const rules = [rule({}), rule({ path: "/secret/**", action: "deny" })];
  assert.equal(decided(rules, { path: "/open" }), "allow");
  for (const path of [
    "/secret/x",
    "/%73ecret",
    "//secret//x",
    "/Secret/x",
    "/secret%2fx",
    "/secret;a/x",
    "/x/%2e%2e/secret",
    "/secret%255cx",
  ])
    assert.equal(decided(rules, { path }), "deny", path);
});

test("an allow says no more in capitals, and none where a server might read something else", () => {
  const rules = [rule({ path: "/open/*" })];
  assert.equal(decided(rules, { path: "/Open/x" }), "deny");
  assert.equal(decided(rules, { path: "/open/x%2fy" }), "deny");
});

test("where readings meet rules with other effects, it is denied", () => {
  const rules = [rule({ path: "/*", credential: "one" }), rule({ path: "/*/*", credential: "two" })];
  const decision = ruleSet(rules).decide(asked({ path: "/a%2fb" }));
  assert.ok(decision.do === "deny" && /more than one way/.test(decision.why));
  assert.equal(decided([rule({ path: "/*" }), rule({ path: "/*/*" })], { path: "/@scope%2fname" }), "allow");
  assert.equal(
    decided([rule({ path: "/*" }), rule({ path: "/*/*", action: "ask" })], { path: "/@scope%2fname" }),
    "ask",
  );
});

test("a change of the protocol is no GET", () => {
  assert.equal(decided([rule({ methods: ["GET"] })], { method: "UPGRADE" }), "deny");
  assert.equal(decided([rule({ methods: ["GET", "UPGRADE"] })], { method: "UPGRADE" }), "allow");
});

test("a tunnel passes only where nothing as near wants to look inside", () => {
  const tunnel = rule({ action: "tunnel" });
  assert.equal(ruleSet([tunnel]).tunnel("example.org", 443)?.id, tunnel.id);
  assert.equal(ruleSet([tunnel, rule({ host: "*" })]).tunnel("example.org", 443)?.id, tunnel.id);
  assert.equal(ruleSet([tunnel, rule({ action: "deny", path: "/a" })]).tunnel("example.org", 443), null);
  assert.equal(ruleSet([rule({ host: "*", action: "tunnel" }), rule({})]).tunnel("example.org", 443), null);
  assert.equal(ruleSet([tunnel]).tunnel("example.org", 22), null);
  assert.equal(decided([tunnel]), "deny", "a request that is seen goes through no tunnel");
});

test("rules that would open more than they seem to are refused, with what to write instead", () => {
  for (const wrong of [
    { host: "exa mple" },
    { path: "a" },
    { methods: ["GE T"] },
    { port: 0 },
    { port: 70_000 },
    { action: "tunnel", path: "/a" },
    { action: "tunnel", credential: "key" },
    { action: "tunnel", methods: ["GET"] },
    { host: "*", credential: "key" },
    { host: "*.org", credential: "key" },
    { scheme: "http", port: 80, credential: "key" },
    { host: "*.example.org", privateNetwork: true },
  ] as Partial<Rule>[])
    assert.throws(
      () => rule(wrong),
      (error) => error instanceof NoRule && error.hint !== "",
      JSON.stringify(wrong),
    );
  assert.deepEqual(rule({ host: "EXAMPLE.org", methods: ["post", "get", "get"], path: "//a/" }).methods, [
    "GET",
    "POST",
  ]);
});

const HOSTS = ["a.example.org", "example.org", "*.example.org", "*", "*.a.example.org"];
const rules = fc.array(
  fc
    .record({
      host: fc.constantFrom(...HOSTS),
      path: fc.constantFrom("/**", "/a", "/a/**", "/*", "/*/b", "/a/*", "/a%2Fb"),
      methods: fc.constantFrom<string[]>(["*"], ["GET"], ["GET", "POST"]),
      action: fc.constantFrom("allow" as const, "ask" as const, "deny" as const, "tunnel" as const),
    })
    .map(({ action, ...wanted }) =>
      action === "tunnel" ? rule({ host: wanted.host, action }) : rule({ ...wanted, action }),
    ),
  { maxLength: 8 },
);
const requests = fc.record({
  host: fc.constantFrom("a.example.org", "example.org", "b.a.example.org", "192.0.2.1"),
  path: fc.constantFrom("/", "/a", "/A", "/a/b", "/a%2fb", "/c/b", "/a;x/b", "/a/../b"),
  method: fc.constantFrom("GET", "POST", "PUT"),
});

test("the order of rules never matters", () => {
  fc.assert(
    fc.property(rules, requests, fc.infiniteStream(fc.nat()), (list, request, dice) => {
      const shuffled = list.map((one) => ({ one, at: dice.next().value })).sort((a, b) => a.at - b.at);
      const other = ruleSet(shuffled.map(({ one }) => one));
      assert.deepEqual(other.decide(asked(request)), ruleSet(list).decide(asked(request)));
      assert.deepEqual(other.tunnel(request.host, 443), ruleSet(list).tunnel(request.host, 443));
    }),
  );
});

test("one more deny never opens anything, and as specific as the winner it closes", () => {
  fc.assert(
    fc.property(rules, requests, rules, (list, request, more) => {
      const before = ruleSet(list).decide(asked(request));
      const denies = more
        .filter(({ action }) => action !== "tunnel")
        .map((one) => ({ ...one, action: "deny" as const }));
      const after = ruleSet([...list, ...denies]).decide(asked(request));
      if (before.do === "deny") assert.equal(after.do, "deny");
      else
        assert.equal(ruleSet([...list, { ...before.rule, id: 0, action: "deny" }]).decide(asked(request)).do, "deny");
    }),
  );
});
