import assert from "node:assert/strict";
import { test } from "node:test";
import { statusText } from "./status.ts";

test("the status names what is, and only what is waited for", () => {
  const text = statusText(
    {
      ...{ version: "1.2.3", pid: 7, installation: "abcd", startedAt: 0, memory: 81_000_000 },
      model: { model: "practice", address: "unix:/run/p.sock" },
      today: {
        ...{ requests: 3, input: 900, output: 100, cacheRead: 0, cacheWrite: 0 },
        ...{ cost: 420_000, estimated: 0, unpriced: 0 },
      },
      engine: { state: "down", detail: "no right\nto use it" },
      channels: [{ id: "terminal", state: "up", detail: "" }],
      sessions: { cold: 2, ready: 0 },
      queues: { inbound: 3, starting: 0, outbox: 0, dead: 0 },
    },
    125_000,
  );
  assert.equal(
    text,
    `host      up for 2 min 5 s, version 1.2.3, pid 7
memory    81 MB
model     practice (scripted, no account) at unix:/run/p.sock
today     $0.42 for 1.0k tokens in 3 requests
engine    down (no right to use it)
channel   terminal: up
sessions  2 cold
waiting   messages without an answer yet: 3
`,
  );
});
