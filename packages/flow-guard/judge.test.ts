import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Act, judge, type Labels, type Secret, type Source, sinkOf, type Waiver } from "./judge.ts";

const page: Source = { kind: "host", name: "news.example.org" };
const mail: Secret = { kind: "account", name: "mail" };
const both: Labels = { untrusted: [page], private: [mail] };
const fetching = (more: Partial<Extract<Act, { kind: "request" }>> = {}): Act => ({
  ...{ kind: "request", host: "other.example.org", trusted: false, credential: null, reads: true },
  ...more,
});

test("an act outwards asks where untrusted text was read and something private is in sight, and says why", () => {
  const verdict = judge(both, fetching(), []);
  assert.deepEqual(verdict, {
    allow: false,
    why: "it has read what others wrote (host:news.example.org), can see what is private (account:mail), and is about to ask other.example.org",
    sources: [page],
    private: [mail],
    sink: { kind: "read", name: "other.example.org" },
  });
});

test("two of the three are not enough", () => {
  const because = (labels: Labels, act: Act) => {
    const verdict = judge(labels, act, []);
    return verdict.allow && verdict.because;
  };
  assert.equal(because({ untrusted: [page], private: [] }, fetching()), "nothing private is in sight");
  assert.equal(because({ untrusted: [], private: [mail] }, fetching({ reads: false })), "nothing untrusted was read");
  assert.equal(because(both, fetching({ trusted: true, reads: false })), "trusted");
});

test("what acts with a key has what the key opens in sight; looking with it into one's own account is inward", () => {
  const tainted: Labels = { untrusted: [page], private: [] };
  const sent = judge(tainted, fetching({ credential: "mail", reads: false }), []);
  assert.deepEqual(sent.allow ? [] : sent.private, [mail]);
  assert.deepEqual(judge(both, fetching({ credential: "mail" }), []), { allow: true, because: "inward" });
});

test("an answer where it was asked is inward, unless strangers read there; another chat never is", () => {
  const say = (own: boolean, open: boolean): Act => ({ kind: "message", chat: "test:room", own, open });
  assert.deepEqual(judge(both, say(true, false), []), { allow: true, because: "inward" });
  for (const act of [say(true, true), say(false, false), say(false, true)]) {
    assert.deepEqual(judge(both, act, []).allow, false);
  }
});

test("a tunnel is never a read, and a link is a read of its host", () => {
  assert.deepEqual(sinkOf({ kind: "tunnel", host: "a.example", trusted: false }), { kind: "write", name: "a.example" });
  assert.deepEqual(sinkOf({ kind: "link", host: "a.example", trusted: false }), { kind: "read", name: "a.example" });
});

const few = fc.constantFrom("a.example", "b.example", "c.example");
const source: fc.Arbitrary<Source> = fc.record({
  kind: fc.constantFrom("stranger", "agent", "file", "host", "tool"),
  name: few,
});
const secret: fc.Arbitrary<Secret> = fc.record({
  kind: fc.constantFrom("account", "mount", "memory", "chat", "group"),
  name: few,
});
const labels: fc.Arbitrary<Labels> = fc.record({
  untrusted: fc.array(source, { maxLength: 4 }),
  private: fc.array(secret, { maxLength: 4 }),
});
const act: fc.Arbitrary<Act> = fc.oneof(
  fc.record({
    kind: fc.constant("request" as const),
    host: few,
    trusted: fc.boolean(),
    credential: fc.option(few),
    reads: fc.boolean(),
  }),
  fc.record({ kind: fc.constant("tunnel" as const), host: few, trusted: fc.boolean() }),
  fc.record({ kind: fc.constant("message" as const), chat: few, own: fc.boolean(), open: fc.boolean() }),
  fc.record({ kind: fc.constant("link" as const), host: few, trusted: fc.boolean() }),
);
const waiver: fc.Arbitrary<Waiver> = fc.record({
  source: fc.record({ kind: source.map(({ kind }) => kind), name: fc.oneof(few, fc.constant("*")) }),
  sink: fc.record({ kind: fc.constantFrom("read", "write", "chat"), name: few }),
});
const waivers = fc.array(waiver, { maxLength: 5 });

const RUNS = { numRuns: 2_000 };

test("more labels never allow more", () => {
  fc.assert(
    fc.property(labels, labels, act, waivers, (one, more, act, waivers) => {
      const joined = {
        untrusted: [...one.untrusted, ...more.untrusted],
        private: [...one.private, ...more.private],
      };
      if (!judge(one, act, waivers).allow) assert.equal(judge(joined, act, waivers).allow, false);
    }),
    RUNS,
  );
});

test("a waiver takes its pair out of the question, and changes nothing about any other", () => {
  fc.assert(
    fc.property(labels, act, waivers, waiver, (labels, act, waivers, waiver) => {
      const before = judge(labels, act, waivers);
      const after = judge(labels, act, [...waivers, waiver]);
      if (before.allow) return assert.equal(after.allow, true);
      const isIts = ({ kind, name }: Source) =>
        kind === waiver.source.kind && (waiver.source.name === "*" || waiver.source.name === name);
      const meets = before.sink.kind === waiver.sink.kind && before.sink.name === waiver.sink.name;
      const left = before.sources.filter((source) => !(meets && isIts(source)));
      assert.deepEqual(after.allow ? [] : after.sources, left);
    }),
    RUNS,
  );
});

test("without untrusted sources everything flows, whatever is in sight: clearing restores", () => {
  fc.assert(
    fc.property(labels, act, waivers, (labels, act, waivers) => {
      assert.equal(judge({ ...labels, untrusted: [] }, act, waivers).allow, true);
    }),
    RUNS,
  );
});

test("an act inward never asks, and a question always names what it is about", () => {
  fc.assert(
    fc.property(labels, act, waivers, (labels, act, waivers) => {
      const verdict = judge(labels, act, waivers);
      if (sinkOf(act) === null) assert.equal(verdict.allow, true);
      if (verdict.allow) return;
      assert.ok(verdict.sources.length > 0 && verdict.private.length > 0);
      assert.deepEqual(verdict.sink, sinkOf(act));
    }),
    RUNS,
  );
});
