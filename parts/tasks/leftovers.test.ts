import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { SessionId } from "../../src/lib/ids.ts";
import { silentLog } from "../../src/lib/log.ts";
import type { Exit, Sandbox, SandboxSpec } from "../../src/sandbox/sandbox.ts";
import { prepareFolder, sessionFolder } from "../../src/sessions/folder.ts";
import { SESSION, world } from "../../test/support/world.ts";
import { Leftovers } from "./leftovers.ts";

const TEN_MINUTES = 10 * 60_000;

/** A session with a folder, and an engine whose containers do what `inside` does. */
function given(t: TestContext, inside: (provider: string) => number = () => 0) {
  const w = world();
  const { store, clock, session } = w;
  const dir = mkdtempSync(join(tmpdir(), "nc-left-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const folder = sessionFolder(dir, session);
  prepareFolder(folder, process.getuid?.() ?? 0, null);
  for (const made of ["in/attachments/2", "sent"]) mkdirSync(join(folder.root, made), { recursive: true });
  writeFileSync(join(folder.root, "in/attachments/2/1-x"), "x");
  writeFileSync(join(folder.outboundDb), "x");
  mkdirSync(join(folder.providerDir, "deep"));
  symlinkSync("/etc", join(folder.providerDir, "deep", "link"));
  const did: string[] = [];
  const sandbox = (name: string, exit: Exit): Sandbox => ({
    ...{ id: name, name, exited: Promise.resolve(exit) },
    stop: async () => void did.push(`stopped ${name}`),
    stats: () => assert.fail(),
  });
  const exit = { code: 0, outOfMemory: false, stderr: "" };
  let running = 0;
  let hangs = false;
  const start = () =>
    new Leftovers({
      ...{ store, clock, log: silentLog, labels: {}, sessionsDir: dir, groupsDir: dir, runDir: join(dir, "run") },
      dismiss: async (id) => void did.push(`dismissed ${id}`),
      specOf: ({ errand }) => ({ name: errand }) as unknown as SandboxSpec,
      driver: {
        ...{ id: "test", cannot: [], check: () => assert.fail(), describe: () => "", lacks: () => ({}) },
        survivors: async () =>
          Array.from({ length: running }, () => ({
            labels: {},
            sandbox: sandbox("left", { code: 137, outOfMemory: false, stderr: "" }),
          })),
        start: async ({ name }) => {
          did.push(`started ${name}`);
          if (hangs) return { ...sandbox(name, exit), exited: new Promise<Exit>(() => {}) };
          return sandbox(name, { code: inside(folder.providerDir), outOfMemory: false, stderr: "no" });
        },
      },
    });
  const settle = async () => {
    for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve));
  };
  const run = (count: number) => {
    running = count;
  };
  return {
    ...w,
    folder,
    did,
    start,
    settle,
    run,
    hang() {
      hangs = true;
    },
    isKnown: () => store.sessions.session(SESSION as SessionId) !== undefined,
  };
}

const emptied = (provider: string) => {
  rmSync(join(provider, "deep"), { recursive: true });
  return 0;
};

test("a run's conversation goes when it has its end: its container, its folder, its rows; what it said stays", async (t) => {
  const g = given(t, emptied);
  const number = g.say("hello");
  g.store.turns.start(SESSION, 1, 1);
  g.store.inbox.intoTurn(SESSION, [number], 1);
  g.store.inbox.finish(SESSION, [number], 1, "done");
  g.store.turns.end(SESSION, 1, "done", 2, null, null);
  const said = { sessionId: SESSION, turn: 1, address: g.session, author: "agent", text: "done", key: "k" } as const;
  g.store.outbox.add({ ...said, number: 3 }, 1);
  g.store.outbox.sent(1, "p", 2);
  const leftovers = g.start();
  leftovers.start();
  g.store.db.transaction(() => leftovers.add(SESSION));
  await g.settle();
  assert.deepEqual(g.did, [`dismissed ${SESSION}`, "started clearing"]);
  assert.deepEqual([existsSync(g.folder.root), g.isKnown()], [false, false]);
  assert.deepEqual([g.store.outbox.row(1)?.text, g.store.outbox.row(1)?.sessionId], ["done", null]);
  assert.equal(g.store.db.all("SELECT 1 FROM inbound_events").length, 1, "what was said is known for ever");
});

test("what it says that is still on its way is waited for", async (t) => {
  const g = given(t, emptied);
  const said = { sessionId: SESSION, turn: 1, address: g.session, author: "agent", text: "done", key: "k" } as const;
  g.store.outbox.add(said, 1);
  const leftovers = g.start();
  leftovers.start();
  leftovers.add(SESSION);
  await g.settle();
  assert.equal(existsSync(g.folder.root), true);
  g.store.outbox.sent(1, "p", 2);
  g.clock.advance(TEN_MINUTES);
  await g.settle();
  assert.deepEqual([existsSync(g.folder.root), g.isKnown()], [false, false]);
});

test("what the container did not clear is not walked: it is tried again, also by the next process", async (t) => {
  let works = false;
  const g = given(t, (provider) => (works ? emptied(provider) : 0));
  const first = g.start();
  first.start();
  first.add(SESSION);
  await g.settle();
  assert.equal(existsSync(join(g.folder.providerDir, "deep", "link")), true);
  assert.equal(g.isKnown(), true);
  first.stop();
  works = true;
  g.start().start();
  await g.settle();
  assert.deepEqual([existsSync(g.folder.root), g.isKnown(), existsSync("/etc")], [false, false, true]);
});

test("a container that clears is ended with the host: the next one goes on", async (t) => {
  const g = given(t, emptied);
  g.hang();
  const leftovers = g.start();
  leftovers.start();
  leftovers.add(SESSION);
  await g.settle();
  await leftovers.stop();
  assert.deepEqual(g.did.slice(-2), ["started clearing", "stopped clearing"]);
  assert.equal(g.isKnown(), true);
});

test("a container that still runs is ended first; a failing one costs nothing but another look", async (t) => {
  const g = given(t, () => 1);
  g.run(1);
  const leftovers = g.start();
  leftovers.add(SESSION);
  leftovers.start();
  await g.settle();
  assert.deepEqual(g.did, [`dismissed ${SESSION}`, "stopped left", "started clearing"]);
  assert.equal(g.isKnown(), true);
  leftovers.stop();
  g.clock.advance(2 * TEN_MINUTES);
  await g.settle();
  assert.equal(g.did.length, 3);
});

test("a session that something else points at keeps its row, and is not looked at again", async (t) => {
  const g = given(t, emptied);
  g.store.db.exec(`CREATE TABLE other (id TEXT REFERENCES sessions(id)); INSERT INTO other VALUES ('${SESSION}')`);
  const leftovers = g.start();
  leftovers.start();
  leftovers.add(SESSION);
  await g.settle();
  assert.deepEqual([existsSync(g.folder.root), g.isKnown()], [false, true]);
  assert.deepEqual(g.store.db.all("SELECT * FROM task_leftovers"), []);
});
