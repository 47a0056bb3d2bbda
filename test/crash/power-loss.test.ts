/**
 * Power loss, which a kill does not show: from everything that the host wrote and synced, the images that a disk may be
 * left with are built, at random cuts, and opened with the host's own code. NANOCLAW_SEED repeats a failure.
 * Needs a C compiler for power/shim.c; without one it is skipped, except with NANOCLAW_FULL=1.
 */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { Disk, type Op, opsOf, randomOf } from "./power/disk.ts";
import { brokenByPowerLoss } from "./power/image.ts";
import { keepSecret, makeAgent, newWays } from "./scenario.ts";
import { type Said, World } from "./world.ts";

const SHIM = fileURLToPath(new URL("./power/shim.c", import.meta.url));
const MARKS = fileURLToPath(new URL("./power/marks.ts", import.meta.url));
const full = process.env.NANOCLAW_FULL === "1";
const IMAGES = full ? 2000 : 300;
const MESSAGES = 50;
const SAID = "chat.send";
const seed = Number(process.env.NANOCLAW_SEED ?? Date.now() % 1_000_000);
const compiler = spawnSync("cc", ["--version"]).status === 0;

interface Life {
  ops: Op[];
  root: string;
  /** In the order of their acknowledgement. */
  numbers: number[];
}

/** Two chats, many messages without waiting, a clean stop, and a second process in which the rest happens (scenario.ts). */
async function live(world: World): Promise<number[]> {
  const said: Said[] = [];
  await world.start();
  await makeAgent(world);
  const { chat } = await world.call("claw.open", {});
  for (let i = 0; i < MESSAGES; i++)
    said.push(await world.say(i % 3 ? "main" : chat, i % 7 ? `message ${i}` : `tool message ${i}`));
  await world.until("all is answered", () => said.every((one) => world.answered(one)), 60_000);
  await world.kill("SIGTERM");
  await world.start();
  said.push(await world.say("main", "after the stop"));
  await world.until("the last is answered", () => said.every((one) => world.answered(one)));
  await keepSecret(world);
  await newWays(world, chat);
  await world.kill("SIGTERM");
  return world.said.map(({ n }) => n ?? 0);
}

/** What goes wrong at `cuts` of the life, each with its own image. */
function lose({ ops, root, numbers }: Life, images: number, random: () => number): string[] {
  const syncs = ops.flatMap(({ what, bytes }, at) => (what === "S" || bytes.includes(".mark:") ? [at] : []));
  const cuts = Array.from({ length: images }, () => {
    const near = syncs[Math.floor(random() * syncs.length)] ?? 0;
    return random() < 0.5 ? Math.floor(random() * ops.length) : Math.min(ops.length, near + Math.floor(random() * 3));
  }).sort((a, b) => a - b);
  const disk = new Disk(root);
  const broken: string[] = [];
  let at = 0;
  for (const cut of cuts) {
    for (; at < cut; at++) disk.apply(ops[at] as Op);
    const target = mkdtempSync(join(tmpdir(), "nc-power-"));
    try {
      disk.writeImage(target, random);
      const acknowledged = numbers.slice(0, disk.marks.filter((mark) => mark === SAID).length);
      broken.push(
        ...brokenByPowerLoss(target, acknowledged, disk.marks).map((what) => `power lost after step ${cut}: ${what}`),
      );
    } finally {
      rmSync(target, { recursive: true, force: true });
    }
  }
  return broken;
}

describe("power loss", { skip: !compiler && !full && "no C compiler here: apt-get install gcc libc6-dev" }, () => {
  const dir = mkdtempSync(join(tmpdir(), "nc-shim-"));
  let life: Life;

  before(async () => {
    assert.ok(compiler, "there is no C compiler: apt-get install gcc libc6-dev");
    const library = join(dir, "shim.so");
    execFileSync("cc", [
      "-shared",
      "-fPIC",
      "-O2",
      "-Wall",
      "-Wextra",
      "-Werror",
      "-o",
      library,
      SHIM,
      "-ldl",
      "-lpthread",
    ]);
    const log = join(dir, "log");
    const preloads = { LD_PRELOAD: library, NODE_OPTIONS: `--import=${MARKS}` };
    const world = new World({ env: (data) => ({ ...preloads, POWER_LOG: log, POWER_DIR: data }) });
    try {
      life = { numbers: await live(world), ops: opsOf(readFileSync(log)), root: world.paths.data };
    } finally {
      await world.remove();
    }
  });
  after(() => rmSync(dir, { recursive: true, force: true }));

  it("the log has it all: data, syncs and acknowledgements", () => {
    const disk = new Disk(life.root);
    for (const op of life.ops) disk.apply(op);
    assert.equal(disk.marks.filter((mark) => mark === SAID).length, life.numbers.length);
    for (const mark of ["tasks.add", "chat.stop", "channels.pair", "note note-0"])
      assert.ok(disk.marks.includes(mark), mark);
    assert.ok(life.ops.filter(({ what }) => what === "S").length > 3 * MESSAGES);
    const target = mkdtempSync(join(tmpdir(), "nc-power-"));
    disk.writeImage(target, () => 0.3);
    assert.deepEqual(brokenByPowerLoss(target, life.numbers, disk.marks), [], "without a power loss");
    rmSync(target, { recursive: true });
  });

  it("whatever a power loss leaves opens, and has everything that was acknowledged", (t) => {
    t.diagnostic(`seed ${seed}, ${IMAGES} images of ${life.ops.length} steps`);
    const broken = lose(life, IMAGES, randomOf(seed));
    assert.deepEqual(broken.slice(0, 10), [], `repeat it with NANOCLAW_SEED=${seed}`);
  });

  it("a host that never synced would be found out", () => {
    const ops = life.ops.filter(({ what }) => what !== "S");
    assert.match(lose({ ...life, ops }, 60, randomOf(seed)).join("\n"), /was acknowledged/);
  });
});
