import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { ChannelEvent } from "../channels/channel.ts";
import type { AgentGroupId, MessagingGroupId } from "../lib/ids.ts";
import type { MessagingGroup, Wiring } from "../store/groups.ts";
import { decideRoute, type Facts, STICKS_FOR } from "./route.ts";

const NOW = 10 * STICKS_FOR;
const A = "a-1" as AgentGroupId;
const B = "a-2" as AgentGroupId;
const event: ChannelEvent = {
  address: { channel: "test", chat: "room", thread: "t1" },
  platformId: "1",
  revision: 0,
  user: "test:ann",
  userName: "Ann",
  text: "hello",
  at: NOW,
  ...{ mentioned: false, direct: false, change: "said", files: [] },
};
const room: MessagingGroup = {
  id: "m-1" as MessagingGroupId,
  channel: "test",
  chat: "room",
  unknownSenderPolicy: "strict",
};
const wiring = (change: Partial<Wiring> = {}): Wiring => ({
  ...{ agentGroup: A, engageMode: "always", pattern: null, senders: "all", ignored: "drop", sessionMode: "shared" },
  ...{ priority: 0, engagedAt: null },
  ...change,
});
const facts = (change: Partial<Facts> = {}): Facts => ({
  ...{ room, wirings: [wiring()], known: true, heard: false },
  ...change,
});

/** "answers", "notes" (rides along), or what becomes of it otherwise. */
function outcome(said: Partial<ChannelEvent>, known: Partial<Facts>): string {
  const verdict = decideRoute({ ...event, ...said }, facts(known));
  if (!verdict.route) return verdict.outcome;
  return verdict.targets.length > 0 ? "answers" : "notes";
}

test("in a chat without an agent chatter is ignored, and the owner is asked about who speaks to the agent", () => {
  for (const nobody of [
    { room: null, wirings: [] },
    { room, wirings: [], known: false },
  ]) {
    assert.equal(outcome({}, nobody), "ignored");
    assert.equal(outcome({ mentioned: true }, nobody), "held");
    assert.equal(outcome({ direct: true }, nobody), "held");
  }
});

test("what each agent does with a message, over all axes", () => {
  const thread = null;
  const plain = { address: { ...event.address, thread } };
  const sticky = (engagedAt: number | null) => ({ engageMode: "mention-sticky", engagedAt }) as const;
  const ops = { engageMode: "pattern", pattern: "^!ops" } as const;
  const keeps = { ignored: "accumulate" } as const;
  const table: [string, Partial<ChannelEvent>, Partial<Wiring>, string][] = [
    ["hears all", {}, {}, "answers"],
    ["wants a mention, and has none", {}, { engageMode: "mention" }, "ignored"],
    ["wants a mention, and has one", { mentioned: true }, { engageMode: "mention" }, "answers"],
    ["keeps what it does not answer", {}, { engageMode: "mention", ...keeps }, "notes"],
    ["answers what it would keep", { mentioned: true }, { engageMode: "mention", ...keeps }, "answers"],
    ["its pattern is there", { text: "!ops restart" }, ops, "answers"],
    ["its pattern is not there", { text: "say !ops" }, ops, "ignored"],
    ["a mention is no pattern", { text: "hello", mentioned: true }, ops, "ignored"],
    ["a command to it needs no pattern", { text: "/stop", mentioned: true }, ops, "answers"],
    ["a command to nobody does", { text: "/stop" }, ops, "ignored"],
    ["without its pattern it keeps", { text: "say" }, { ...ops, ...keeps }, "notes"],
    ["a pattern that is broken matches nothing", { text: "[" }, { ...ops, pattern: "[" }, "ignored"],
    ["sticks to nothing yet", {}, sticky(null), "ignored"],
    ["a mention engages it", { mentioned: true }, sticky(null), "answers"],
    ["sticks to a thread for ever", {}, sticky(1), "answers"],
    ["without threads for half an hour", plain, sticky(NOW - STICKS_FOR), "answers"],
    ["and no longer", plain, sticky(NOW - STICKS_FOR - 1), "ignored"],
    ["then it keeps", plain, { ...sticky(NOW - STICKS_FOR - 1), ...keeps }, "notes"],
  ];
  for (const [what, said, wired, expected] of table)
    assert.equal(outcome(said, { wirings: [wiring(wired)] }), expected, what);
});

test("who is not known is refused, asked about, or heard, and never kept where they may not speak", () => {
  const policy = (
    unknownSenderPolicy: MessagingGroup["unknownSenderPolicy"],
    wired: Partial<Wiring>,
  ): Partial<Facts> => ({
    room: { ...room, unknownSenderPolicy },
    wirings: [wiring(wired)],
    known: false,
  });
  const mention = { engageMode: "mention", ignored: "accumulate" } as const;
  assert.equal(outcome({ mentioned: true }, policy("strict", mention)), "refused");
  assert.equal(outcome({}, policy("strict", mention)), "refused");
  assert.equal(outcome({ mentioned: true }, policy("request_approval", mention)), "held");
  assert.equal(outcome({}, policy("request_approval", mention)), "ignored");
  assert.equal(outcome({ mentioned: true }, policy("public", mention)), "answers");
  assert.equal(outcome({}, policy("public", mention)), "notes");
  // An agent for those who are known hears nobody else, also where others may speak.
  assert.equal(outcome({ mentioned: true }, policy("public", { ...mention, senders: "known" })), "ignored");
  assert.equal(outcome({}, policy("public", { ...mention, senders: "known" })), "ignored");
  // After a yes they are known: so they are asked about, too.
  assert.equal(outcome({ mentioned: true }, policy("request_approval", { ...mention, senders: "known" })), "held");
  assert.equal(outcome({ mentioned: true }, { wirings: [wiring({ ...mention, senders: "known" })] }), "answers");
});

test("several agents in one room decide alone: one answers, one keeps, one hears nothing", () => {
  const wirings = [
    wiring({ engageMode: "pattern", pattern: "hell" }),
    wiring({ agentGroup: B, engageMode: "mention", ignored: "accumulate" }),
    wiring({ agentGroup: "a-3" as AgentGroupId, engageMode: "mention" }),
  ];
  const verdict = decideRoute(event, facts({ wirings }));
  assert.ok(verdict.route);
  assert.deepEqual(
    [verdict.targets, verdict.listeners].map((all) => all.map(({ agentGroup }) => agentGroup)),
    [[A], [B]],
  );
});

test("each agent gets the message in a conversation of its own making", () => {
  const wirings = [
    wiring(),
    wiring({ agentGroup: B, sessionMode: "per-thread" }),
    wiring({ agentGroup: "a-3" as AgentGroupId, sessionMode: "agent-shared" }),
  ];
  const verdict = decideRoute(event, facts({ wirings }));
  assert.ok(verdict.route);
  assert.deepEqual(
    verdict.targets.map(({ conversation, thread }) => [conversation, thread]),
    [
      ["test/room", null],
      ["test/room/t1", "t1"],
      ["*", "t1"],
    ],
  );
});

test("a change of what was heard passes without a mention, but not from somebody who may no longer speak", () => {
  const wirings = [wiring({ engageMode: "mention" })];
  assert.equal(outcome({ change: "edited" }, { wirings, heard: true }), "answers");
  assert.equal(outcome({ change: "edited" }, { wirings, heard: true, known: false }), "refused");
});

const wired = fc.record({
  agentGroup: fc.constantFrom(A, B, "a-3" as AgentGroupId),
  engageMode: fc.constantFrom("always", "pattern", "mention", "mention-sticky"),
  pattern: fc.constantFrom(null, "hello", "^!ops", "["),
  senders: fc.constantFrom("all", "known"),
  ignored: fc.constantFrom("drop", "accumulate"),
  sessionMode: fc.constantFrom("shared", "per-thread", "agent-shared"),
  priority: fc.constant(0),
  engagedAt: fc.constantFrom(null, 1, NOW - 1),
} as const);
const anyFacts = fc.record({
  room: fc
    .constantFrom("strict" as const, "request_approval" as const, "public" as const)
    .map((unknownSenderPolicy) => ({
      ...room,
      unknownSenderPolicy,
    })),
  wirings: fc.uniqueArray(wired, { selector: ({ agentGroup }) => agentGroup, minLength: 1, maxLength: 3 }),
  known: fc.boolean(),
  heard: fc.constant(false),
});
const anyEvent = fc.record({ text: fc.constantFrom("hello", "!ops go", "/stop"), mentioned: fc.boolean() });

test("no agent hears whom it may not, none hears a message twice, and each would decide the same without the others", () => {
  fc.assert(
    fc.property(anyFacts, anyEvent, (known, said) => {
      const verdict = decideRoute({ ...event, ...said }, known);
      if (!verdict.route) return true;
      const heard = [...verdict.targets, ...verdict.listeners].map(({ agentGroup }) => agentGroup);
      const of = (agent: AgentGroupId) => known.wirings.find(({ agentGroup }) => agentGroup === agent);
      const mayHear = known.known
        ? heard
        : heard.filter((agent) => known.room.unknownSenderPolicy === "public" && of(agent)?.senders === "all");
      const alone = known.wirings.every((wiring) => {
        const own = decideRoute({ ...event, ...said }, { ...known, wirings: [wiring] });
        const isIn = (targets: { agentGroup: string }[]) =>
          targets.some(({ agentGroup }) => agentGroup === wiring.agentGroup);
        return (
          (own.route && own.targets.length > 0) === isIn(verdict.targets) &&
          (own.route && own.listeners.length > 0) === isIn(verdict.listeners)
        );
      });
      return mayHear.length === heard.length && new Set(heard).size === heard.length && alone;
    }),
  );
});
