import assert from "node:assert/strict";
import { test } from "node:test";
import type { EffectContext } from "../../src/control/execute.ts";
import type { DoorSession } from "../../src/gateway/door.ts";
import type { EgressRequest } from "../../src/gateway/egress.ts";
import { Misuse, Retryable } from "../../src/lib/errors.ts";
import type { MessagingGroupId, SessionId } from "../../src/lib/ids.ts";
import { silentLog } from "../../src/lib/log.ts";
import { AGENT, OWNER, OWNS, SESSION, world } from "../../test/support/world.ts";
import { flowGuard } from "../guard/index.ts";
import { bundles } from "./bundles.ts";
import type { Credentials } from "./credentials.ts";
import type { FlowGuard } from "./flow.ts";
import { egressRules } from "./index.ts";

const door: DoorSession = { id: SESSION, agentGroup: AGENT, uid: 1000 };
const OTHER = "s-2" as SessionId;
const owner = { kind: "user", id: OWNER, grants: [OWNS] } as const;
const END = { status: 200, address: "192.0.2.7", why: "", requestBytes: 10, responseBytes: 20, ms: 3 };

const noFlow: FlowGuard = { judge: () => ({ allow: true }), passed: () => {}, waive: () => {} };

function given(wire?: Credentials["wire"], guarded = false) {
  const w = world();
  const { store, clock, audit, approvals } = w;
  const terminal = { id: "m-t" as MessagingGroupId, channel: "terminal", chat: "main", directUser: OWNER };
  store.groups.addMessagingGroup({ ...terminal, unknownSenderPolicy: "strict" });
  store.sessions.add({ ...w.session, id: OTHER, conversation: "test/other" });
  const credentials: Credentials = {
    list: () => [
      { name: "github", variable: "GITHUB_TOKEN" },
      { name: "plain", variable: null },
    ],
    wire:
      wire ??
      (async (name) => ({ set: { authorization: `Bearer of ${name}` }, query: {}, secret: `secret of ${name}` })),
    placeholderOf: (session, name) => `ncph_${session}_${name}`,
    nameOf: (session, one, names) => names.find((name) => one === `ncph_${session}_${name}`) ?? null,
  };
  const { guard } = flowGuard({ store, audit, clock, trusts: () => false });
  const part = () =>
    egressRules({
      ...{ store, audit, clock, approvals, guard: guarded ? guard : noFlow, credentials, log: silentLog },
      model: () => ({ host: "model.invalid", what: "requests to the model", how: "allowed", from: "built in" }),
    });
  const made = part();
  const { egress, effects } = made;
  approvals.start();
  const records: string[] = [];
  const context: EffectContext = {
    ...{ actor: { kind: "operator" }, permit: () => {}, signal: new AbortController().signal },
    record: (resource, change) => {
      records.push(resource);
      return store.db.transaction(() => change(1));
    },
  };
  const rule = (verb: "allow" | "ask" | "deny", host: string, more: object = {}) =>
    effects[`rules.${verb}`](
      {
        group: "main",
        host,
        scheme: "https",
        method: "*",
        path: "/**",
        dryRun: false,
        privateNetwork: false,
        trusted: false,
        acts: false,
        ...more,
      },
      context,
    ) as {
      applied: boolean;
      rule: number | null;
      added: { host: string; what: string; how: string }[];
      removed: object[];
    };
  const request = (more: Partial<EgressRequest> = {}): EgressRequest => ({
    ...{ host: "example.org", port: 443, scheme: "https", method: "GET", path: "/", upgrade: null, placeholders: [] },
    ...more,
  });
  const decide = (more: Partial<EgressRequest> = {}, signal = new AbortController().signal, session = door) =>
    egress.decide(session, request(more), signal);
  const settle = async () => {
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
  };
  const records2 = () =>
    audit
      .list(1000)
      .map(({ verb, decision, resource, detail }) => ({ verb, decision, resource, ...JSON.parse(detail) }));
  const open = () => approvals.asked.list("pending", 100);
  const answer = (choice: string, id = open()[0]?.id ?? 0) => approvals.answer(owner, { id, choice, hash: null }, null);
  return {
    ...w,
    egress,
    guard,
    effects,
    context,
    part,
    made,
    rule,
    decide,
    settle,
    records: records2,
    recorded: records,
    open,
    answer,
  };
}

const said = (verdict: { allow: boolean; message?: string }) => verdict.message ?? "";

test("without a rule it is refused, with what was refused, why, and how to ask for it", async () => {
  const { decide, rule } = given();
  const verdict = await decide({ path: "/a?token=x", method: "POST" });
  assert.equal(
    said(verdict),
    "NanoClaw refused POST https://example.org/a: no rule is about it. Where it is needed, ask the owner for `ncl rules allow main example.org --method POST`.",
  );
  const { rule: id } = rule("deny", "*");
  assert.match(said(await decide()), new RegExp(`rule ${id} denies it`));
  assert.match(said(await decide({ path: "/a/../b" })), /Write its address plainly/);
});

test("where a bundle is made for what was refused, the advice is that bundle", async () => {
  const { decide } = given();
  const host = bundles.find(({ name }) => name === "npm")?.rules[0]?.hosts[0] ?? "";
  assert.match(said(await decide({ host, path: "/small" })), /ask the owner for `ncl rules grant main npm` \(npm/);
  // It would not help with these.
  assert.match(said(await decide({ host, path: "/small", method: "PUT" })), /`ncl rules allow main .* --method PUT`/);
  assert.match(said(await decide()), /`ncl rules allow main example\.org/, "web-read is for people to choose");
});

test("a rule holds from the moment that it is made, and no longer than it is there", async () => {
  const { decide, rule, effects, context } = given();
  assert.equal((await decide()).allow, false);
  const { rule: id } = rule("allow", "example.org");
  assert.equal((await decide()).allow, true);
  assert.equal((await decide({}, undefined, { ...door, agentGroup: "a-2" })).allow, false, "another agent's");
  effects["rules.remove"]({ rule: id ?? 0, dryRun: false }, context);
  assert.equal((await decide()).allow, false);
});

test("a dry run shows the difference and changes nothing", async () => {
  const { decide, rule, effects, context, recorded } = given();
  const tried = rule("allow", "example.org", { dryRun: true, method: "GET" });
  assert.equal(tried.applied, false);
  assert.deepEqual(tried.added, [{ host: "example.org", what: "GET", how: "allowed", from: "a new rule" }]);
  assert.equal((await decide()).allow, false);
  assert.deepEqual(recorded, []);
  const done = rule("allow", "example.org", { method: "GET" });
  assert.deepEqual(done.added, [{ host: "example.org", what: "GET", how: "allowed", from: `rule ${done.rule}` }]);
  const changed = rule("deny", "example.org", { method: "GET" });
  assert.equal(changed.removed.length, 1, "a rule about the very same requests takes its place");
  assert.equal((await effects["rules.list"]({}, context)).length, 1);
});

test("a bundle is granted and taken away as a whole", async () => {
  const { decide, effects, context } = given();
  const grant = { group: "main", bundle: "npm", dryRun: false };
  const npm = { host: bundles.find(({ name }) => name === "npm")?.rules[0]?.hosts[0] ?? "" };
  await effects["rules.grant"](grant, context);
  for (const path of ["/left-pad", "/@scope%2fname", "/@scope/name/-/name-1.0.0.tgz", "/left-pad/-/left-pad-1.0.0.tgz"])
    assert.equal((await decide({ ...npm, path })).allow, true, path);
  assert.equal((await decide({ ...npm, path: "/-/npm/v1/security/audits", method: "POST" })).allow, false);
  const again = await effects["rules.grant"](grant, context);
  assert.deepEqual([again.added, again.removed], [[], []]);
  const [first] = await effects["rules.list"]({}, context);
  assert.throws(
    () => effects["rules.remove"]({ rule: first?.rule ?? 0, dryRun: false }, context),
    /part of the bundle/,
  );
  const list = await effects["bundles.list"]({}, context);
  assert.deepEqual(
    list.map(({ bundle }) => bundle),
    ["debian", "github-read", "npm", "pypi", "web-read"],
  );
  assert.equal(list.find(({ bundle }) => bundle === "npm")?.grantedTo, "main");
  await effects["rules.revoke"](grant, context);
  assert.equal((await decide({ ...npm, path: "/left-pad" })).allow, false);
  assert.throws(() => effects["rules.revoke"](grant, context), /does not have/);
});

test("web-read reads public names over HTTPS, and neither writes, upgrades nor goes to addresses", async () => {
  const { decide, effects, context } = given();
  await effects["rules.grant"]({ group: "main", bundle: "web-read", dryRun: false }, context);
  const verdict = await decide({ host: "anywhere.example.com", path: "/page?q=1" });
  assert.ok(verdict.allow && !verdict.privateNetwork);
  for (const other of [
    { method: "POST" },
    { scheme: "http", port: 80 },
    { host: "192.0.2.1" },
    { upgrade: "websocket" },
    { port: 8443 },
  ] as const)
    assert.equal((await decide(other)).allow, false, JSON.stringify(other));
});

test("a credential goes where its rule says: what the client sent is replaced, its placeholder stands for it", async () => {
  const { decide, rule, egress } = given();
  rule("allow", "api.example.org", { credential: "github" });
  rule("allow", "example.org");
  const verdict = await decide({ host: "api.example.org", placeholders: [`ncph_${SESSION}_github`] });
  assert.ok(verdict.allow);
  assert.deepEqual(verdict.set, { authorization: "Bearer of github" });
  assert.deepEqual(verdict.swap, { [`ncph_${SESSION}_github`]: "secret of github" });
  const plain = await decide();
  assert.ok(plain.allow);
  assert.deepEqual([plain.set, plain.swap], [{}, {}]);
  assert.deepEqual(egress.environment(door), { GITHUB_TOKEN: `ncph_${SESSION}_github` });
  assert.throws(() => rule("allow", "a.example.org", { credential: "none" }), /no credential "none"/);
});

test("a placeholder that the rule's credential does not stand behind is a tripwire: refused, recorded, the owner told once", async () => {
  const { decide, rule, records, outbox, egress } = given();
  rule("allow", "api.example.org", { credential: "github" });
  rule("allow", "example.org");
  for (const stray of [
    { placeholders: [`ncph_${SESSION}_github`] },
    { host: "nowhere.example.org", placeholders: [`ncph_${SESSION}_github`] },
    { host: "api.example.org", placeholders: ["ncph_s-9_github"] },
    { host: "api.example.org", placeholders: [`ncph_${SESSION}_github`, `ncph_${SESSION}_plain`] },
  ])
    assert.match(said(await decide(stray)), /does not belong to this address/);
  assert.equal(records().filter(({ why }) => /placeholder/.test(why ?? "")).length, 3);
  const verdict = await decide();
  if (verdict.allow) egress.leaked(verdict.id, "ncph_x");
  assert.equal(outbox().filter((line) => /stands for one of your keys/.test(line)).length, 1);
  assert.ok(!JSON.stringify(records()).includes("ncph_"), "the placeholder itself is not kept");
});

test("a credential that can't be had is told, and what can't be done now may be tried again", async () => {
  let error: Error = new Misuse('the token of "github" was revoked', "Set it again.");
  const { decide, rule } = given(() => Promise.reject(error));
  rule("allow", "example.org", { credential: "github" });
  const verdict = await decide();
  assert.ok(!verdict.allow && verdict.status === 403 && /revoked. Set it again/.test(verdict.message));
  error = new Retryable("the provider is down");
  const later = await decide();
  assert.ok(!later.allow && later.status === 429);
});

test("reading is one record at its end; what writes or carries a key is recorded before and after, by one number", async () => {
  const { decide, rule, egress, records } = given();
  rule("allow", "example.org");
  rule("allow", "api.example.org", { credential: "github" });
  const before = records().length;
  const read = await decide({ path: "/a?secret=1" });
  assert.equal(records().length, before);
  assert.ok(read.allow);
  egress.ended(read.id, END);
  egress.ended(read.id, END);
  assert.deepEqual(
    records()
      .slice(before)
      .map(({ verb, decision, resource, status }) => [verb, decision, resource, status]),
    [["egress.get", "allow", "https://example.org/a", 200]],
  );
  for (const more of [{ method: "POST" }, { host: "api.example.org" }]) {
    const from = records().length;
    const verdict = await decide(more);
    assert.ok(verdict.allow);
    const [intent] = records().slice(from);
    assert.equal(intent?.decision, "allow");
    egress.ended(verdict.id, END);
    const [, outcome] = records().slice(from);
    assert.equal(outcome?.decision, "fact");
    assert.equal(outcome?.request, intent?.request);
  }
});

test("what can't be recorded does not go out", async () => {
  const { decide, rule, store } = given();
  rule("allow", "example.org");
  store.db.exec("CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'disk full'); END");
  const verdict = await decide({ method: "POST" });
  assert.ok(!verdict.allow && verdict.status === 429);
});

test("refusals that repeat are one record at once, and one with their number at the end", async () => {
  const { decide, clock, records, made, egress } = given();
  for (let n = 0; n < 50; n++) await decide();
  egress.refused(door, { host: "x.example.org", port: 443 }, "too many connections", 7);
  assert.equal(records().length, 2);
  clock.advance(60_000);
  assert.deepEqual(
    records()
      .slice(2)
      .map(({ times }) => times),
    [49, 6],
  );
  for (let n = 0; n < 500; n++) await decide({ path: `/${n}` });
  assert.ok(records().length < 30, "many kinds are told apart only so far");
  made.stop();
  assert.equal(
    records().reduce((sum, { times, verb }) => sum + (verb === "egress.get" ? (times ?? 1) : 0), 0),
    550,
  );
});

test("a tunnel is passed on by its rule alone, and recorded before and after", async () => {
  const { egress, effects, context, rule, records } = given();
  const to = { host: "example.org", port: 443 };
  assert.deepEqual(await egress.tunnel(door, to), { do: "intercept" });
  effects["rules.tunnel"](
    { group: "main", host: "example.org", privateNetwork: false, trusted: false, dryRun: false },
    context,
  );
  const verdict = await egress.tunnel(door, to);
  assert.ok(verdict.do === "pass" && !verdict.privateNetwork);
  egress.ended(verdict.id, END);
  assert.deepEqual(
    records().map(({ verb, decision }) => [verb, decision]),
    [
      ["egress.tunnel", "allow"],
      ["egress.tunnel", "fact"],
    ],
  );
  rule("deny", "example.org", { path: "/x" });
  assert.deepEqual(await egress.tunnel(door, to), { do: "intercept" });
});

test("reach tells in words what is reached, and why one request is decided as it is", async () => {
  const { effects, context, rule } = given();
  rule("allow", "api.example.org", { credential: "github", method: "GET,POST", path: "/repos/**" });
  rule("ask", "api.example.org", { method: "DELETE" });
  rule("allow", "printer.example.org", { scheme: "http", privateNetwork: true, trusted: true });
  effects["rules.tunnel"](
    { group: "main", host: "vpn.example.org", port: 22, privateNetwork: false, trusted: false, dryRun: false },
    context,
  );
  const lines = await effects.reach({ group: "main", method: "GET" }, context);
  assert.ok(Array.isArray(lines));
  assert.deepEqual(
    lines.map(({ host, what, how }) => `${host}: ${what}: ${how}`),
    [
      "model.invalid: requests to the model: allowed",
      "api.example.org: GET, POST of /repos/**, with the key github: allowed",
      "api.example.org: DELETE: a person is asked each time",
      "http://printer.example.org: any request, also in a private network, trusted: allowed",
      "vpn.example.org:22: anything: passed on, contents unseen",
    ],
  );
  const why = async (url: string, method = "GET") => {
    const told = await effects.reach({ group: "main", url, method }, context);
    return Array.isArray(told) ? "" : `${told.decision}: ${told.why}`;
  };
  assert.match(await why("https://api.example.org/repos/a"), /^allowed: rule \d+ .* allows it, with the key github/);
  assert.match(await why("https://api.example.org/repos/a", "delete"), /^asked about/);
  assert.match(await why("https://vpn.example.org:22/"), /^passed on unread/);
  assert.match(await why("http://api.example.org/"), /^denied: no rule is about it.*--scheme http/);
});

test("a rule that asks holds the request: once lets one through, and shows it whole", async () => {
  const { decide, rule, settle, open, answer, outbox, records } = given();
  rule("ask", "example.org", { credential: "github" });
  const asked = decide({ method: "POST", path: "/v1/x?y=`1`" });
  await settle();
  const [text = ""] = outbox();
  assert.match(text, /Nano wants to send a request/);
  assert.match(text, /```\nPOST https:\/\/example\.org\/v1\/x\?y=%601%60\n```/);
  assert.match(text, /the key "github"\. Agent: main, between turns of session s-1/);
  assert.match(text, /"Always" adds a rule: example\.org: POST of \/v1\/x, with the key github, allowed/);
  answer("once");
  const verdict = await asked;
  assert.ok(verdict.allow && verdict.set.authorization === "Bearer of github");
  assert.equal(records().filter(({ verb }) => verb === "approvals.use").length, 1);
  void decide({ method: "POST", path: "/v1/x?y=`1`" });
  await settle();
  assert.equal(open().length, 1, "the next equal one is asked about again");
});

test("equal requests share a question, and once means one of them", async () => {
  const { decide, rule, settle, open, answer } = given();
  rule("ask", "example.org");
  const all = [decide(), decide(), decide({}, undefined, { ...door, id: OTHER })];
  await settle();
  assert.equal(open().length, 1);
  answer("once");
  const verdicts = await Promise.all(all);
  assert.deepEqual(
    verdicts.map(({ allow }) => allow),
    [true, false, false],
  );
  assert.match(said(verdicts[1] ?? { allow: true }), /let through by that answer/);
});

test("always becomes a rule for exactly that, in this session one that holds there only, no holds for a while", async () => {
  const { decide, rule, settle, open, answer, effects, context, clock, records } = given();
  rule("ask", "*.example.org");
  const ask = async (choice: string, more: Partial<EgressRequest>) => {
    const asked = decide(more);
    await settle();
    answer(choice);
    return (await asked).allow;
  };
  const here = { host: "a.example.org", path: "/x?y=1" };
  assert.equal(await ask("always", here), true);
  assert.equal((await decide({ ...here, path: "/x?y=2" })).allow, true);
  assert.equal(open().length, 0);
  const always = (await effects["rules.list"]({}, context)).find(({ host }) => host === "a.example.org");
  assert.deepEqual([always?.methods, always?.path, always?.action], ["GET", "/x", "allow"]);
  assert.ok(
    records().some(({ verb, rule: id, approval }) => verb === "rules.allow" && id === always?.rule && approval),
  );

  const there = { host: "b.example.org", path: "/x*" };
  assert.equal(await ask("session", there), true);
  assert.equal((await decide(there)).allow, true);
  void decide(there, undefined, { ...door, id: OTHER });
  await settle();
  assert.equal(open().length, 1, "another session is asked about");
  answer("no");

  const never = { host: "c.example.org" };
  assert.equal(await ask("no", never), false);
  assert.match(said(await decide(never)), /not long ago, and said no/);
  clock.advance(11 * 60_000);
  void decide(never);
  await settle();
  assert.equal(open().length, 1);
});

test("a path that servers may read in two ways is let through once at most", async () => {
  const { decide, rule, settle, open } = given();
  rule("ask", "example.org");
  void decide({ path: "/a%2fb" });
  await settle();
  assert.deepEqual(
    open()[0]?.choices.map(({ id }) => id),
    ["once", "no"],
  );
});

test("no answer in time is a clear error, and the question is over", async () => {
  const { decide, rule, settle, open, clock } = given();
  rule("ask", "example.org");
  const asked = decide();
  await settle();
  clock.advance(4 * 60_000);
  assert.match(said(await asked), /nobody answered in time/);
  assert.equal(open().length, 0);
});

test("when the last client has gone the question is over soon; a yes before that is kept for the next try", async () => {
  const { decide, rule, settle, open, answer, clock } = given();
  rule("ask", "example.org");
  const [one, two] = [new AbortController(), new AbortController()];
  const all = [decide({}, one.signal), decide({}, two.signal)];
  await settle();
  one.abort();
  clock.advance(60_000);
  assert.equal(open().length, 1);
  two.abort();
  assert.equal(open().length, 1);
  assert.deepEqual(
    (await Promise.all(all)).map(({ allow }) => allow),
    [false, false],
  );
  answer("once");
  assert.equal((await decide()).allow, true);
  const [three] = [new AbortController()];
  void decide({ path: "/z" }, three.signal);
  await settle();
  three.abort();
  clock.advance(30_000);
  assert.equal(open().length, 0);
});

test("an answer that comes after a restart is kept for the next try, for one request, for ten minutes", async () => {
  for (const wait of [0, 9 * 60_000, 11 * 60_000]) {
    const w = given();
    w.rule("ask", "example.org");
    void w.decide();
    await w.settle();
    w.approvals.stop();
    const next = w.part();
    w.approvals.start();
    w.answer("once");
    w.clock.advance(wait);
    const request = {
      host: "example.org",
      port: 443,
      scheme: "https",
      method: "GET",
      path: "/",
      upgrade: null,
      placeholders: [],
    } as const;
    const again = () => next.egress.decide(door, { ...request, placeholders: [] }, new AbortController().signal);
    if (wait < 10 * 60_000) assert.equal((await again()).allow, true);
    void again();
    await w.settle();
    assert.equal(w.open().length, 1);
  }
});

test("floods are refused with what to do: three open questions of a session, ten a minute", async () => {
  const { decide, rule, settle, open, answer, clock } = given();
  rule("ask", "example.org");
  const all = [1, 2, 3].map((n) => decide({ path: `/${n}` }));
  await settle();
  const fourth = await decide({ path: "/4" });
  assert.ok(!fourth.allow && fourth.status === 429 && /asked about 3 requests/.test(fourth.message));
  const allowed = decide({ path: "/4" }, undefined, { ...door, id: OTHER });
  await settle();
  assert.equal(open().length, 4, "another session has its own");
  while (open().length > 0) answer("no");
  await Promise.all([...all, allowed]);
  for (let n = 10; n < 17; n++) {
    void decide({ path: `/${n}` });
    await settle();
    answer("no");
  }
  const eleventh = await decide({ path: "/99" });
  assert.ok(!eleventh.allow && eleventh.status === 429 && /10 times within a minute/.test(eleventh.message));
  clock.advance(61_000);
  void decide({ path: "/99" });
  await settle();
  assert.equal(open().length, 1);
});

test("an address that can't be shown whole is not asked about", async () => {
  const { decide, rule, open } = given();
  rule("ask", "example.org");
  assert.match(said(await decide({ path: `/${"a".repeat(2000)}` })), /too long to be shown/);
  assert.equal(open().length, 0);
});

test("a client that goes away while nothing can be written harms nobody", async () => {
  const { decide, rule, settle, store } = given();
  rule("ask", "example.org");
  const client = new AbortController();
  const asked = decide({}, client.signal);
  await settle();
  store.db.exec("CREATE TRIGGER full BEFORE UPDATE ON approvals BEGIN SELECT RAISE(ABORT, 'disk full'); END");
  client.abort();
  assert.equal((await asked).allow, false);
});

test("what the guard holds is asked about although a rule allows it: once lets one through, always waives that flow", async () => {
  const { decide, rule, guard, settle, open, answer } = given(undefined, true);
  rule("allow", "*", { method: "GET" });
  rule("allow", "vouched.example.org", { trusted: true });
  assert.equal((await decide({ host: "news.example.org" })).allow, true, "nothing private is in sight");
  guard.sawPrivate(SESSION, { kind: "mount", name: "papers" });
  assert.equal((await decide({ host: "vouched.example.org", method: "POST" })).allow, true, "a rule vouches for it");
  const path = "/?q=what-the-papers-say";
  const held = decide({ host: "evil.example.org", path });
  await settle();
  assert.match(open()[0]?.text ?? "", /host:news\.example\.org.*mount:papers.*ask evil\.example\.org/s);
  assert.match(open()[0]?.text ?? "", /GET https:\/\/evil\.example\.org\/\?q=what-the-papers-say/);
  assert.equal(answer("once").ok, true);
  assert.equal((await held).allow, true);
  const second = decide({ host: "evil.example.org", path });
  await settle();
  assert.equal(answer("no").ok, true);
  assert.match(said(await second), /said no/);
  const third = decide({ host: "other.example.org" });
  await settle();
  assert.equal(answer("always").ok, true);
  assert.equal((await third).allow, true);
  assert.equal((await decide({ host: "other.example.org", path: "/more" })).allow, true, "that flow is waived");
});

test("where a rule says that asking acts, a request that only asks is held like a change", async () => {
  const { decide, rule, guard, settle, open, answer } = given(undefined, true);
  rule("allow", "*", { method: "GET" });
  rule("allow", "chat.example.org", { credential: "github", acts: true });
  rule("allow", "own.example.org", { credential: "plain" });
  guard.sawPrivate(SESSION, { kind: "mount", name: "papers" });
  assert.equal((await decide({ host: "news.example.org" })).allow, true);
  assert.equal((await decide({ host: "own.example.org" })).allow, true, "a look into one's own account");
  const held = decide({ host: "chat.example.org", path: "/send?to=eve" });
  await settle();
  assert.match(open()[0]?.text ?? "", /GET https:\/\/chat\.example\.org\/send/);
  answer("no");
  assert.equal((await held).allow, false);
});

test("what a bundle vouches for is a place to ask, and its text is strangers' all the same", async () => {
  const { decide, effects, context, guard, egress } = given(undefined, true);
  effects["rules.grant"]({ group: "main", bundle: "npm", dryRun: false }, context);
  guard.sawPrivate(SESSION, { kind: "mount", name: "papers" });
  const [host = ""] = bundles.find(({ name }) => name === "npm")?.rules[0]?.hosts ?? [];
  assert.equal((await decide({ host, path: "/left-pad" })).allow, true);
  assert.equal((await decide({ host, path: "/right-pad" })).allow, true);
  assert.ok(!guard.judge(SESSION, { kind: "tunnel", host: "example.org", trusted: false }).allow, "it was read");
  assert.ok(egress.trusts(AGENT, new URL(`https://${host}/left-pad`)));
  assert.ok(!egress.trusts(AGENT, new URL("https://example.org/")));
});

test("a tunnel through which something private could leave is refused, and says what the owner can do", async () => {
  const { rule, guard, egress, effects, context } = given(undefined, true);
  effects["rules.tunnel"](
    { group: "main", host: "example.org", dryRun: false, privateNetwork: false, trusted: false },
    context,
  );
  rule("allow", "news.example.org");
  guard.sawPrivate(SESSION, { kind: "mount", name: "papers" });
  guard.sawUntrusted(SESSION, { kind: "stranger", name: "test:eve" });
  const verdict = await egress.tunnel(door, { host: "example.org", port: 443 });
  assert.equal(verdict.do, "refuse");
  assert.match(verdict.do === "refuse" ? verdict.message : "", /ncl guard waive/);
});
