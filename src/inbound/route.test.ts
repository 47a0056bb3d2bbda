import assert from "node:assert/strict";
import { test } from "node:test";
import type { ChannelEvent } from "../channels/channel.ts";
import type { AgentGroupId, MessagingGroupId } from "../lib/ids.ts";
import type { MessagingGroup, Wiring } from "../store/groups.ts";
import { decideRoute } from "./route.ts";

const event: ChannelEvent = {
  address: { channel: "test", chat: "room", thread: "t1" },
  platformId: "1",
  revision: 0,
  user: "test:ann",
  userName: "Ann",
  text: "hello",
  at: 1,
  ...{ mentioned: false, direct: false, change: "said", files: [] },
};
const room: MessagingGroup = {
  id: "m-1" as MessagingGroupId,
  channel: "test",
  chat: "room",
  unknownSenderPolicy: "strict",
};
const wiring = (change: Partial<Wiring> = {}): Wiring => ({
  agentGroup: "a-1" as AgentGroupId,
  engageMode: "always",
  sessionMode: "shared",
  ...change,
});

test("chatter in a room without an agent is ignored, whoever speaks", () => {
  for (const facts of [
    { room: null, wirings: [], known: true },
    { room, wirings: [], known: false },
  ]) {
    const verdict = decideRoute(event, facts);
    assert.equal(!verdict.route && verdict.outcome, "ignored");
  }
});

test("an unknown sender is refused in a strict room and heard in a public one", () => {
  const strict = decideRoute(event, { room, wirings: [wiring()], known: false });
  assert.equal(!strict.route && strict.outcome, "refused");
  const open: MessagingGroup = { ...room, unknownSenderPolicy: "public" };
  assert.equal(decideRoute(event, { room: open, wirings: [wiring()], known: false }).route, true);
});

test("an agent that wants a mention stays quiet without one", () => {
  const facts = { room, wirings: [wiring({ engageMode: "mention" })], known: true };
  assert.equal(decideRoute(event, facts).route, false);
  assert.equal(decideRoute({ ...event, mentioned: true }, facts).route, true);
});

test("several agents in one room each get the message in a conversation of their own making", () => {
  const wirings = [
    wiring(),
    wiring({ agentGroup: "a-2" as AgentGroupId, sessionMode: "per-thread" }),
    wiring({ agentGroup: "a-3" as AgentGroupId, sessionMode: "agent-shared" }),
  ];
  const verdict = decideRoute(event, { room, wirings, known: true });
  assert.ok(verdict.route);
  assert.deepEqual(
    verdict.targets.map(({ conversation, thread }) => [conversation, thread]),
    [
      ["test/room", null],
      ["test/room/t1", "t1"],
      ["*", null],
    ],
  );
});
