/** What the meter adds to a request to a model: the same door with and without it, by turns, over a database on the disk. */
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { Gateway } from "../drivers/door/gateway.ts";
import { RequestMeter } from "../parts/meter/meter.ts";
import type { Meter } from "../src/gateway/meter.ts";
import { systemClock } from "../src/lib/clock.ts";
import { silentLog } from "../src/lib/log.ts";
import { openStore } from "../src/store/store.ts";
import { startScriptedModel } from "../test/support/model.ts";
import { percentiles, type Section, single } from "./stats.ts";

/** A conversation of usual size. */
const BODY = JSON.stringify({
  ...{ model: "claude-opus-5", max_tokens: 1000, stream: true },
  messages: [{ role: "user", content: "word ".repeat(10_000) }],
});
const open: Meter = { ask: () => ({ allow: true, id: 1 }), goesOn: () => true, ended: () => {} };

export async function metering(rounds: number): Promise<Section> {
  const dir = mkdtempSync(join(realpathSync(tmpdir()), "nanoclaw-bench-"));
  const model = await startScriptedModel({ script: () => ({ say: "a short answer" }) });
  const store = openStore(join(dir, "v2.db"));
  const meter = new RequestMeter({ store, clock: systemClock, log: silentLog, dismiss: () => {}, limits: NO_LIMITS });
  // A month of use, and budgets that it counts for.
  store.db.transaction(() => {
    for (let row = 0; row < 20_000; row += 1) meter.ledger.add(PAYER, 1, CHARGE, Date.now() - row * 60_000, DAY, 200);
    for (const per of ["day", "month", "total"] as const)
      meter.budgets.set({ id: per, scope: "all", subject: "", per, unit: "usd", most: 1e15, warn: 80, createdAt: 0 });
  });
  const closes: (() => Promise<void>)[] = [];
  const doorWith = async (by: Meter, name: string) => {
    const gateway = new Gateway({
      upstream: () => ({ address: model.address, needsCredential: true }),
      credential: async () => ({ kind: "api_key", secret: "for-this-bench" }),
      intend: async () => null,
      record: () => {},
      ...{ meter: by, log: silentLog },
    });
    const session = { id: `s-${name}`, agentGroup: "a-1", uid: process.getuid?.() ?? 0 };
    const hooks = { onRing: () => {}, onFile: async () => "", onBell: () => {} };
    const door = await gateway.open(session, join(dir, name), hooks);
    closes.push(() => door.close());
    return join(dir, name, "session.sock");
  };
  const doors = { without: await doorWith(open, "a"), with: await doorWith(meter, "b") };
  const samples: Record<keyof typeof doors, number[]> = { without: [], with: [] };
  for (let round = -20; round < rounds; round += 1) {
    for (const name of round % 2 ? (["with", "without"] as const) : (["without", "with"] as const)) {
      const began = performance.now();
      await ask(doors[name]);
      if (round >= 0) samples[name].push(performance.now() - began);
    }
  }
  const first = performance.now();
  meter.accounts.forget();
  meter.accounts.all();
  const summing = performance.now() - first;
  for (const close of closes) await close();
  await model.close();
  store.db.close();
  rmSync(dir, { recursive: true, force: true });
  return {
    name: "a request of 50 kB to a model and its answer, 20,000 earlier ones, three budgets",
    rows: [
      percentiles("without the meter", "ms", samples.without),
      percentiles("with it", "ms", samples.with),
      single("summing up the budgets, once after they change or a day begins", "ms", summing),
    ],
  };
}

const never = { warn: Number.MAX_SAFE_INTEGER, stop: Number.MAX_SAFE_INTEGER };
const NO_LIMITS = { rate: { ...never, stop: 1_000_000 }, same: never, idle: never };
const PAYER = { session: "s-b", agentGroup: "a-1", person: "terminal:owner" };
const DAY = "2026-01-01";
const CHARGE = {
  use: { input: 1, output: 1, cacheRead: 1, cacheWrite: 1, cacheWriteHour: 0 },
  ...{ model: "claude-opus-5", cost: 1, charged: 1, chargedTokens: 1, estimated: false },
};

async function ask(socketPath: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    http
      .request({ socketPath, path: "/model/anthropic/v1/messages", method: "POST" }, (response) => {
        text(response).then(() => resolve(), reject);
      })
      .on("error", reject)
      .end(BODY);
  });
}
