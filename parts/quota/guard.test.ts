import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { inside } from "../../protocol/layout.ts";
import { Router } from "../../src/inbound/router.ts";
import { silentLog } from "../../src/lib/log.ts";
import type { Exit, Sandbox, SandboxSpec } from "../../src/sandbox/sandbox.ts";
import { prepareFolder, sessionFolder } from "../../src/sessions/folder.ts";
import type { ContainerPlan } from "../../src/sessions/session-actor.ts";
import { countingRandom, SESSION, world } from "../../test/support/world.ts";
import { QuotaGuard } from "./guard.ts";

const MB = 1e6;

/** An agent whose limit is 100 MB, and an engine whose containers that look find what `finds` says. */
function given(t: TestContext) {
  const w = world();
  const { store, audit, clock, session } = w;
  const dir = realpathSync(mkdtempSync(join(tmpdir(), "nc-quota-")));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const folder = sessionFolder(dir, session);
  prepareFolder(folder, process.getuid?.() ?? 0, null);
  mkdirSync(join(dir, "run"));
  const disk = { free: 50_000 * MB, finds: `${10 * MB} 5 0\n` };
  const did: string[] = [];
  const looks: SandboxSpec[] = [];
  const sandbox = (name: string): Sandbox => {
    const { promise, resolve } = Promise.withResolvers<Exit>();
    return {
      ...{ id: name, name, exited: promise, stats: () => assert.fail() },
      stop: async () => {
        did.push(`stopped ${name}`);
        resolve({ code: 137, outOfMemory: false, stderr: "" });
      },
    };
  };
  const start = (more: Partial<ConstructorParameters<typeof QuotaGuard>[0]> = {}) => {
    const router = new Router({
      ...{ ...w, random: countingRandom(), pair: () => false },
      ...{ wake: () => {} },
    });
    return new QuotaGuard({
      ...{ store, audit, clock, random: countingRandom(), log: silentLog, router: () => router },
      freeOf: async () => ({ bytes: disk.free, files: 0 }),
      containers: {
        ...{ labels: {}, sessionsDir: dir, groupsDir: dir, runDir: join(dir, "run") },
        specOf: ({ session: { id }, errand, socketDir }) => ({
          ...({ tmpfs: [], environment: {}, workingDir: inside.workspace } as unknown as SandboxSpec),
          ...{ name: `nc-${id}${errand ? `-${errand}` : ""}`, labels: { "nanoclaw.session": id } },
          socket: { dir: socketDir, target: inside.socketDir },
          mounts: [
            { source: join(dir, "workspace"), target: inside.workspace, readOnly: false },
            { source: folder.providerDir, target: inside.providerState, readOnly: false },
          ],
        }),
        driver: {
          ...{ id: "test", cannot: [], check: () => assert.fail(), describe: () => "", lacks: () => ({}) },
          survivors: async () => [{ labels: { "nanoclaw.session": SESSION }, sandbox: sandbox("survivor") }],
          start: async (spec) => {
            did.push(`started ${spec.name}`);
            if (spec.labels["nanoclaw.session"] !== "measuring") return sandbox(spec.name);
            looks.push(spec);
            const exit = { code: 0, outOfMemory: false, stderr: disk.finds };
            return { ...sandbox(spec.name), exited: Promise.resolve(exit) };
          },
        },
      },
      ...more,
    });
  };
  const guard = start();
  const group = store.groups.agentGroupByFolder("main") ?? assert.fail();
  guard.book.setLimit(group.id, { bytes: 100 * MB, files: 1000 });
  const plan = { session, group, folder, groupFolder: dir, socketDir: dir, timeZone: "UTC" };
  const specOf = (from: QuotaGuard, errand: ContainerPlan["errand"] = null) =>
    from.containers.specOf({ ...plan, errand });
  const settle = async () => {
    for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve));
  };
  /** Time goes on in steps, as the looks follow each other. */
  const pass = async (seconds: number) => {
    for (let i = 0; i < seconds; i++) {
      clock.advance(1000);
      await settle();
    }
  };
  const work = () => {
    const number = w.say("write a lot");
    const turn = number;
    store.turns.start(SESSION, turn, clock.now());
    store.inbox.intoTurn(SESSION, [number], turn);
    return turn;
  };
  return { ...w, disk, did, looks, dir, folder, guard, group, start, specOf, pass, work };
}

test("a container that looks has the workspace and the sessions' own folders for reading, and no session's socket", async (t) => {
  const g = given(t);
  await g.guard.look(g.group);
  const [spec] = g.looks;
  assert.match(spec?.name ?? "", /-measuring-\w+$/);
  assert.deepEqual(spec?.mounts, [
    { source: join(g.dir, "workspace"), target: "/measured/0", readOnly: true },
    { source: g.folder.providerDir, target: "/measured/1", readOnly: true },
  ]);
  assert.deepEqual(spec?.socket, { dir: join(g.dir, "run", "nothing"), target: inside.socketDir });
  assert.equal(existsSync(join(g.dir, "run", "nothing")), true);
});

test("the disk alone is asked while nothing much is taken; what is taken is looked into, and above the limit the turn is stopped and said", async (t) => {
  const g = given(t);
  await g.guard.containers.driver.start(g.specOf(g.guard));
  g.work();
  await g.pass(60);
  assert.equal(g.looks.length, 1, "the first look, after which it is known");
  g.disk.free -= 30 * MB;
  await g.pass(60);
  assert.equal(g.looks.length, 1);
  g.disk.free -= 100 * MB;
  g.disk.finds = `${140 * MB} 5 0\n`;
  await g.pass(10);
  assert.equal(g.looks.length, 2);
  assert.equal(g.did.at(-1), `stopped nc-${SESSION}`);
  const said = g.outbox().at(-1) ?? "";
  assert.match(said, /^system: I stop here: my workspace holds 140 MB, and its limit is 100 MB\. .* below 146 MB/);
  assert.match(said, /`ncl quota set main --gigabytes 0.28`/);
  assert.ok(g.store.sessions.stoppedUpTo(SESSION) > 0, "its turn is not taken up again");
  const [told] = g.store.inbox.unfinished(SESSION).slice(-1);
  assert.match(told?.text ?? "", /delete what is not needed/);
  assert.equal(told?.engages, false);
  await g.pass(600);
  assert.equal(g.looks.length, 2, "nothing is watched where no container lives");
});

test("a session that has nothing to do is ended without a word", async (t) => {
  const g = given(t);
  await g.guard.containers.driver.start(g.specOf(g.guard));
  g.disk.finds = `${140 * MB} 5 0\n`;
  await g.guard.look(g.group);
  assert.equal(g.did.at(-1), `stopped nc-${SESSION}`);
  assert.deepEqual(g.outbox(), []);
});

test("above its limit an agent starts to clear up; grown again, it does not start, and is not looked into anew for nothing", async (t) => {
  const g = given(t);
  const { driver } = g.guard.containers;
  g.disk.finds = `${140 * MB} 5 0\n`;
  await g.guard.look(g.group);
  await driver.start(g.specOf(g.guard));
  g.disk.finds = `${150 * MB} 5 0\n`;
  await g.guard.look(g.group);
  const refused = { name: "EngineError", message: /holds 150 MB/, hint: /ncl quota set main --gigabytes 0.3/ };
  await assert.rejects(driver.start(g.specOf(g.guard)), refused);
  const looks = g.looks.length;
  await assert.rejects(driver.start(g.specOf(g.guard)), refused);
  assert.equal(g.looks.length, looks);
  assert.equal((await driver.start(g.specOf(g.guard, "recovery"))).name, `nc-${SESSION}-recovery`, "errands go on");
  g.disk.free += MB;
  g.disk.finds = `${90 * MB} 5 0\n`;
  await driver.start(g.specOf(g.guard));
  assert.equal(g.guard.book.known(g.group.id).most, null);
});

test("a raised limit lets it start", async (t) => {
  const g = given(t);
  g.disk.finds = `${140 * MB} 5 0\n`;
  await g.guard.look(g.group);
  g.disk.finds = `${150 * MB} 5 0\n`;
  await g.guard.look(g.group);
  await assert.rejects(g.guard.containers.driver.start(g.specOf(g.guard)));
  g.guard.book.setLimit(g.group.id, { bytes: 200 * MB, files: 1000 });
  await g.guard.containers.driver.start(g.specOf(g.guard));
});

test("what was found is known to the next process, and a container that outlived the host is watched", async (t) => {
  const g = given(t);
  g.guard.stop();
  const next = g.start();
  await next.containers.driver.survivors({});
  g.work();
  await g.pass(5);
  g.disk.free -= 100 * MB;
  g.disk.finds = `5 2000 0\n`;
  await g.pass(5);
  assert.equal(g.did.at(-1), "stopped survivor");
  assert.match(g.outbox().at(-1) ?? "", /more than 1,000 files and folders/);
  assert.equal(g.start().book.known(g.group.id).found?.files, 2000);
});

test("folders that nobody can look into are opened before the next start, when nothing runs that could close them", async (t) => {
  const g = given(t);
  const { driver } = g.guard.containers;
  g.disk.finds = `${MB} 5 2\n`;
  await driver.start(g.specOf(g.guard));
  g.work();
  await g.guard.look(g.group);
  assert.match(g.outbox().at(-1) ?? "", /has 2 folders that nobody can look into/);
  g.disk.finds = `${MB} 7 0\n`;
  await g.pass(1);
  await driver.start(g.specOf(g.guard));
  const opening = g.looks.at(-1);
  assert.deepEqual(
    opening?.mounts.map(({ readOnly }) => readOnly),
    [false, false],
  );
  assert.match(opening?.command.join(" ") ?? "", /chmod u\+rwx/);
  assert.equal(g.guard.book.known(g.group.id).most, null);
});

test("a look that fails stops nobody, and is made again", async (t) => {
  const g = given(t);
  await g.guard.containers.driver.start(g.specOf(g.guard));
  g.work();
  g.disk.finds = "find: 12 34 56\n12 34 56\n";
  await g.pass(60);
  const failed = g.looks.length;
  assert.ok(failed > 1);
  assert.ok(!g.did.includes(`stopped nc-${SESSION}`));
  g.disk.finds = `${140 * MB} 5 0\n`;
  await g.pass(30);
  assert.equal(g.did.at(-1), `stopped nc-${SESSION}`);
});
