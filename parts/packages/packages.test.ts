import assert from "node:assert/strict";
import { test } from "node:test";
import type { EffectContext } from "../../src/control/execute.ts";
import { Misuse } from "../../src/lib/errors.ts";
import type { MessagingGroupId, SessionId } from "../../src/lib/ids.ts";
import { silentLog } from "../../src/lib/log.ts";
import { OWNER, SESSION, world } from "../../test/support/world.ts";
import { agentPackages } from "./index.ts";
import type { Layers, Wanted } from "./layers.ts";
import { imageOf, withoutPackages, withPackages } from "./list.ts";

const BASE = "nanoclaw-agent:0a1b2c3d";

/** Images in memory; a build ends when the test says so. */
class MemoryLayers implements Layers {
  recipe = "recipe";
  base = "sha256:1";
  readonly images = new Set<string>();
  readonly builds: Wanted[] = [];
  #end: (error?: Error) => void = () => {};

  digestOf = async () => this.base;
  has = async (image: string) => this.images.has(image);

  build(wanted: Wanted): Promise<void> {
    this.builds.push(wanted);
    wanted.onStep("apt: fetched 1 packages, 1 MB");
    return new Promise((done, fail) => {
      this.#end = (error) => (error ? fail(error) : done(void this.images.add(wanted.image)));
      wanted.signal.addEventListener("abort", () => fail(new Misuse("it was stopped")));
    });
  }

  /** Until it resolves, old images are being removed. */
  tidied = Promise.resolve();

  async removeAllBut(keep: ReadonlySet<string>): Promise<number> {
    await this.tidied;
    const old = [...this.images].filter((image) => !keep.has(image));
    for (const image of old) this.images.delete(image);
    return old.length;
  }

  async end(error?: Error): Promise<void> {
    this.#end(error);
    await settle();
  }
}

const settle = async () => {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
};

function given(layers = new MemoryLayers(), w = world()) {
  const { store, clock } = w;
  const terminal = { id: "m-t" as MessagingGroupId, channel: "terminal", chat: "main", directUser: OWNER };
  if (store.groups.ownersChats().length === 0)
    store.groups.addMessagingGroup({ ...terminal, unknownSenderPolicy: "strict" });
  const dismissed: SessionId[] = [];
  const packages = agentPackages({
    ...{ store, clock, log: silentLog, layers, paths: { root: "/", image: BASE, installation: "0a1b2c3d" } },
    dismiss: (those) => void (those(SESSION) && dismissed.push(SESSION)),
  });
  const records: unknown[] = [];
  const context: EffectContext = {
    ...{ actor: { kind: "operator" }, permit: () => {}, signal: new AbortController().signal },
    record: (_resource, change, detail) => {
      records.push(detail);
      return store.db.transaction(() => change(1));
    },
  };
  const change = async (verb: "add" | "remove", list: string[], dryRun = false) => {
    const result = await packages.effects[`packages.${verb}`]({ folder: "main", packages: list, dryRun }, context);
    await settle();
    return result;
  };
  const status = () => packages.effects["packages.status"]({ folder: "main" }, context);
  const group = store.groups.agentGroupByFolder("main");
  assert.ok(group);
  /** What a container that starts now would get. */
  const start = () => packages.imageFor({ session: w.session, group, errand: null });
  return { ...w, layers, packages, dismissed, records, context, change, status, start };
}

test("a list is changed by names, whatever their versions", () => {
  const before = ["apt:file", "npm:@a/b@1.0.0"];
  assert.deepEqual(withPackages(before, ["npm:@a/b@2.0.0", "apt:file"]), {
    packages: ["apt:file", "npm:@a/b@2.0.0"],
    added: ["npm:@a/b@2.0.0"],
    removed: ["npm:@a/b@1.0.0"],
  });
  const { packages, unknown } = withoutPackages(before, ["npm:@a/b", "npm:file"]);
  assert.deepEqual([packages, unknown], [["apt:file"], ["npm:file"]]);
});

test("an image's name tells base, recipe and list apart, and nothing else", () => {
  const name = (base: string, recipe: string, list: string[]) => imageOf(BASE, "0a1b2c3d", base, recipe, list);
  const one = name("b", "r", ["apt:a", "apt:b"]);
  assert.match(one, /^nanoclaw-agent:0a1b2c3d-[0-9a-f]{16}$/);
  assert.equal(name("b", "r", ["apt:b", "apt:a"]), one);
  const others = [name("c", "r", ["apt:a", "apt:b"]), name("b", "s", ["apt:a", "apt:b"]), name("b", "r", ["apt:a"])];
  assert.equal(new Set([one, ...others]).size, 4);
  assert.match(imageOf("host:5000/agent", "i", "b", "r", []), /^host:5000\/agent:i-/);
});

test("a dry run shows what would change, and changes nothing", async () => {
  const { change, layers, records, start } = given();
  const tried = await change("add", ["apt:file"], true);
  assert.deepEqual([tried.applied, tried.added, tried.packages], [false, ["apt:file"], ["apt:file"]]);
  assert.match(tried.next, /built in the background/);
  assert.deepEqual([layers.builds.length, records.length, start()], [0, 0, BASE]);
});

test("the image changes when it is complete, and not before; the same list again builds nothing", async () => {
  const { change, layers, records, status, start } = given();
  assert.equal((await change("add", ["apt:file", "npm:small"])).applied, true);
  assert.deepEqual(records, [{ added: ["apt:file", "npm:small"], removed: [] }]);
  const building = await status();
  assert.deepEqual([building.state, building.step], ["building", "apt: fetched 1 packages, 1 MB"]);
  assert.equal(start(), BASE);
  await layers.end();
  const image = start();
  assert.match(image, /:0a1b2c3d-/);
  assert.equal((await status()).state, "ready");
  assert.equal((await change("add", ["npm:small"])).applied, false);
  await change("remove", ["npm:small"]);
  layers.images.add(image);
  await layers.end();
  await change("add", ["npm:small"]);
  assert.equal(layers.builds.length, 3, "the one that nobody used any more was removed");
  await layers.end();
  await change("remove", ["apt:file", "npm:small"]);
  assert.deepEqual([start(), layers.images.size], [BASE, 0]);
});

test("a build that fails keeps the image, and tells the owner why and what to do", async () => {
  const { change, layers, status, start, outbox, packages, context } = given();
  await change("add", ["apt:file"]);
  await layers.end();
  const image = start();
  await change("add", ["apt:no-such"]);
  await layers.end(new Misuse("they could not be fetched: E: Unable to locate package no-such", "check the names"));
  assert.equal(start(), image);
  const { state, trouble } = await status();
  assert.equal(state, "failed");
  assert.match(trouble, /Unable to locate package no-such\. check the names/);
  assert.equal(outbox().filter((text) => /Nano could not be put.*no-such.*packages build main/.test(text)).length, 1);
  const list = await packages.effects["packages.list"]({}, context);
  assert.deepEqual(
    list.map((one) => [one.package, one.state]),
    [
      ["apt:file", "in the image"],
      ["apt:no-such", "failed"],
    ],
  );
  await packages.effects["packages.build"]({ folder: "main" }, context);
  await settle();
  assert.equal((await status()).state, "building");
  await layers.end();
  assert.equal((await status()).state, "ready");
});

test("a list that changes while it is built is built again, and the last one counts", async () => {
  const { change, layers, status } = given();
  await change("add", ["apt:one"]);
  await change("add", ["apt:two"]);
  await layers.end();
  assert.equal((await status()).state, "building");
  await layers.end();
  assert.deepEqual(
    layers.builds.map(({ packages }) => packages),
    [["apt:one"], ["apt:one", "apt:two"]],
  );
  assert.deepEqual([(await status()).state, layers.images.size], ["ready", 1]);
});

test("a list that changes while old images are removed is built as well", async () => {
  const { change, layers, status } = given();
  let go = () => {};
  layers.tidied = new Promise((done) => {
    go = done;
  });
  await change("add", ["apt:one"]);
  await layers.end();
  await change("add", ["apt:two"]);
  go();
  await settle();
  assert.equal(layers.builds.length, 2);
  await layers.end();
  assert.equal((await status()).state, "ready");
});

test("an old container is ended once it is idle, also when it was busy as the image changed", async () => {
  const { change, layers, start, dismissed, store, say, clock } = given();
  start();
  await change("add", ["apt:file"]);
  assert.deepEqual(dismissed, []);
  await layers.end();
  // The session that is asked decides whether it is idle; a busy one is asked again at the end of its turn.
  assert.deepEqual(dismissed, [SESSION]);
  const number = say("hello");
  store.db.transaction(() => store.inbox.endAll(SESSION, "done", number));
  clock.advance(1);
  assert.deepEqual(dismissed, [SESSION, SESSION]);
  start();
  store.db.transaction(() => store.inbox.endAll(SESSION, "done", say("again")));
  clock.advance(1);
  assert.equal(dismissed.length, 2, "the new one stays");
});

test("what was cut off by a stop is built at the next start, and so is what lies on another base by then", async () => {
  const first = given();
  await first.change("add", ["apt:file"]);
  await first.packages.stop();
  assert.equal(first.outbox().length, 0, "a stop is no failure");
  const second = given(new MemoryLayers(), first);
  second.packages.start();
  await settle();
  await second.layers.end();
  const image = second.start();
  assert.match(image, /:0a1b2c3d-/);
  second.layers.base = "sha256:2";
  const third = given(second.layers, first);
  third.packages.start();
  await settle();
  assert.equal(third.start(), image, "until the new one is there");
  await third.layers.end();
  assert.notEqual(third.start(), image);
  assert.equal(third.layers.images.size, 1);
});
