import assert from "node:assert/strict";
import { test } from "node:test";
import { summaryOf } from "./doctor.ts";
import { type Facts, type HostFacts, judge, type State } from "./judge.ts";

const HOST = {
  status: {
    ...{ version: "1.0.0", startedAt: 0, model: { model: "anthropic", address: "the usual" } },
    ...{ engine: { state: "up", detail: "" }, channels: [{ id: "terminal", state: "up", detail: "" }] },
    queues: { inbound: 0, starting: 0, outbox: 0, dead: 0 },
  },
  groups: [{ folder: "main" }],
  ...{ credentials: [], questions: [], tasks: [], budgets: [] },
  audit: { ok: true, records: 3, problem: null },
} as unknown as HostFacts;

const SOUND: Facts = {
  paths: { root: "/p", data: "/p/data", config: "/c", installation: "0123abcd", image: "agent:0123abcd" },
  at: 60_000,
  node: { version: "v24.1.0", least: 24 },
  folders: [{ path: "/p/data", mode: 0o40700, isOwn: true, isWritable: true }],
  disk: { free: 50 * 2 ** 30, size: 100 * 2 ** 30 },
  database: { problem: "" },
  engine: { version: "docker 20.10", problem: "" },
  ...{ image: true, service: true, version: "1.0.0", host: HOST, trouble: "" },
};

const running = (change: object): Partial<Facts> => ({ host: { ...HOST, ...change } });
const status = (change: object) => running({ status: { ...HOST.status, ...change } });

test("a sound installation has nothing to say", () => {
  const findings = judge(SOUND);
  assert.deepEqual([...new Set(findings.map(({ state }) => state))], ["well"]);
  assert.equal(summaryOf(findings), "All is well.");
});

const TROUBLES: [string, Partial<Facts>, State, string, RegExp, RegExp][] = [
  ["old node", { node: { version: "v20.1.0", least: 24 } }, "wrong", "node", /v20.*24 is needed/, /nanoclaw\.sh/],
  [
    "open folder",
    { folders: [{ path: "/d", mode: 0o40755, isOwn: true, isWritable: true }] },
    "wrong",
    "folder",
    /other accounts/,
    /chmod go-rwx/,
  ],
  [
    "foreign folder",
    { folders: [{ path: "/d", mode: 0o40700, isOwn: false, isWritable: false }] },
    "wrong",
    "folder",
    /another account/,
    /chown/,
  ],
  [
    "closed folder",
    { folders: [{ path: "/d", mode: 0o40500, isOwn: true, isWritable: false }] },
    "wrong",
    "folder",
    /can't be written/,
    /chmod u/,
  ],
  ["little disk", { disk: { free: 2 * 2 ** 30, size: 2 ** 40 } }, "attention", "disk", /2\.0 GB free/, /Make room/],
  ["full disk", { disk: { free: 1000, size: 2 ** 40 } }, "wrong", "disk", /0\.0 GB free/, /Make room/],
  ["damaged database", { database: { problem: "row 7 missing from index" } }, "wrong", "database", /row 7/, /ncl down/],
  [
    "no engine",
    { engine: { version: "", problem: "cannot connect" }, image: null },
    "wrong",
    "engine",
    /cannot connect/,
    /Docker/,
  ],
  ["no image", { image: false }, "wrong", "image", /no agent can start/, /container\/build\.sh 0123abcd/],
  ["no host", { host: null }, "wrong", "host", /not running/, /ncl up/],
  [
    "a host that is stuck",
    { host: null, trouble: "it took longer than 60 s" },
    "wrong",
    "host",
    /does not answer: it took/,
    /ncl logs/,
  ],
  ["an older host", { version: "1.1.0" }, "attention", "host", /runs version 1\.0\.0/, /ncl down && bin\/ncl up/],
  ["no service", { service: false }, "attention", "host", /does not start with this machine/, /nanoclaw\.sh/],
  ["no agents", running({ groups: [] }), "attention", "agents", /none yet/, /nanoclaw\.sh/],
  [
    "practice",
    status({ model: { model: "practice", address: "" } }),
    "attention",
    "model",
    /script/,
    /credentials set/,
  ],
  [
    "channel",
    status({ channels: [{ id: "telegram", state: "down", detail: "bad token" }] }),
    "wrong",
    "channel",
    /telegram is down: bad token/,
    /channels list/,
  ],
  [
    "dead letters",
    status({ queues: { ...HOST.status.queues, dead: 2 } }),
    "attention",
    "outbox",
    /: 2$/,
    /outbox retry/,
  ],
  [
    "host without engine",
    status({ engine: { state: "down", detail: "refused" } }),
    "wrong",
    "engine",
    /host can't use it: refused/,
    /logs/,
  ],
  [
    "credential",
    running({ credentials: [{ name: "mail", state: "refused" }] }),
    "wrong",
    "credential",
    /mail: refused/,
    /credentials set mail/,
  ],
  ["questions", running({ questions: [{}, {}] }), "attention", "questions", /: 2$/, /approvals list/],
  [
    "task",
    running({ tasks: [{ name: "news", task: "t-1", state: "paused", failures: 5 }] }),
    "attention",
    "task",
    /news failed 5 times/,
    /tasks show t-1/,
  ],
  [
    "budget",
    running({ budgets: [{ budget: "b-1", share: 100 }] }),
    "attention",
    "budget",
    /b-1 is used up/,
    /budgets list/,
  ],
  [
    "audit",
    running({ audit: { ok: false, records: 3, problem: "record 2 was changed" } }),
    "wrong",
    "audit",
    /record 2/,
    /audit verify/,
  ],
];

for (const [name, change, state, what, detail, next] of TROUBLES)
  test(`${name} is found, with what to do`, () => {
    const found = judge({ ...SOUND, ...change }).filter((one) => one.state !== "well");
    assert.deepEqual(
      found.map((one) => [one.what, one.state]),
      [[what, state]],
    );
    assert.match(found[0]?.detail ?? "", detail);
    assert.match(found[0]?.next ?? "", next);
  });

test("what a person paused is no trouble, and what can be mended says how", () => {
  const paused = [{ name: "news", task: "t-1", state: "paused", failures: 0 }];
  assert.equal(summaryOf(judge({ ...SOUND, ...running({ tasks: paused }) })), "All is well.");
  const broken = judge({ ...SOUND, image: false, host: null });
  assert.deepEqual(
    broken.flatMap(({ mend }) => (mend ? [mend.join(" ")] : [])),
    ["bash container/build.sh 0123abcd", "bin/ncl up"],
  );
  assert.match(summaryOf(broken), /^2 wrong, \d well\.$/);
});
