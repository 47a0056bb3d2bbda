/**
 * What the audit log costs: an append, a message with it and without it, a model request with its intent and without, and
 * questions to a log of a million records. With and without are taken in turns within one run.
 */
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { type Filter, Records } from "../parts/audit/query.ts";
import { RequestBook } from "../parts/audit/requests.ts";
import { Audit, type AuditEntry } from "../src/audit/audit.ts";
import { systemClock } from "../src/lib/clock.ts";
import { openStore, type Store } from "../src/store/store.ts";
import { startScriptedModel } from "../test/support/model.ts";
import { BenchHost } from "./bench-host.ts";
import { percentiles, type Section, single } from "./stats.ts";

function timed(work: () => unknown): number {
  const from = performance.now();
  work();
  return performance.now() - from;
}

async function onDisk<Result>(
  use: (store: Store, audit: Audit, file: string) => Result | Promise<Result>,
): Promise<Result> {
  const dir = mkdtempSync(join(tmpdir(), "nc-bench-audit-"));
  const file = join(dir, "v2.db");
  const store = openStore(file);
  try {
    return await use(store, new Audit(store.db, systemClock), file);
  } finally {
    store.db.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

const entry = (i: number): AuditEntry => ({
  actor: `agent:a-${i % 7}`,
  verb: ["message.accept", "turn.start", "turn.end", "tool.start"][i % 4] ?? "",
  resource: `session:s-${i % 50}`,
  decision: "fact",
  cause: i > 0 ? i : null,
  session: `s-${i % 50}`,
  turn: i >> 8,
  detail: { number: i, status: "done" },
});

/** @param count commits of each kind, and appends of one transaction */
export function appendCost(count: number): Promise<Section> {
  return onDisk(({ db, settings }, audit) => {
    const bare: number[] = [];
    const recorded: number[] = [];
    for (let i = 0; i < count; i++) {
      bare.push(timed(() => db.transaction(() => settings.set("bench", i))));
      recorded.push(
        timed(() =>
          db.transaction(() => {
            settings.set("bench", i);
            audit.append(entry(i));
          }),
        ),
      );
    }
    const many = timed(() => db.transaction(() => Array.from({ length: count }, (_, i) => audit.append(entry(i)))));
    return {
      name: "h. audit append, on disk",
      rows: [
        percentiles("a commit with one change", "ms", bare),
        percentiles("the same with its record", "ms", recorded),
        single("one record more in a transaction", "ms", many / count),
      ],
    };
  });
}

/** @param pairs of messages, one with and one without */
export async function messageLatency(pairs: number): Promise<Section> {
  const host = new BenchHost();
  await host.start("null", 1);
  const { append } = Audit.prototype;
  try {
    const figures = await inTurns(
      pairs,
      async () => {
        const { id, calledAt } = await host.say("c0", "clock");
        return (await host.answer(id)).at - calledAt;
      },
      (on) => {
        Audit.prototype.append = on ? append : () => 0;
      },
    );
    return {
      name: "i. t1 + t2 with the audit log and without, one warm session, null provider",
      rows: [percentiles("with", "ms", figures.with), percentiles("without", "ms", figures.without), ratio(figures)],
    };
  } finally {
    Audit.prototype.append = append;
    await host.stop();
  }
}

/** The same for the intent of a model request, with the real agent SDK and a scripted model that needs a credential. */
export async function intentLatency(pairs: number): Promise<Section> {
  const model = await startScriptedModel({ script: () => ({ say: "hello" }) });
  const host = new BenchHost();
  await host.start("claude", 1);
  const { intend } = RequestBook.prototype;
  try {
    await host.client.call("credentials.set", { name: "anthropic", secret: "sk-bench" });
    await host.client.call("model.use", { model: "anthropic", address: model.address });
    const figures = await inTurns(
      pairs,
      async () => {
        const { id, calledAt } = await host.say("c0", "hello");
        return (await host.answer(id)).at - calledAt;
      },
      (on) => {
        RequestBook.prototype.intend = on ? intend : async () => null;
      },
    );
    return {
      name: "j. a message with a model request, its intent durable before and without an intent, real agent SDK",
      rows: [percentiles("with", "ms", figures.with), percentiles("without", "ms", figures.without), ratio(figures)],
    };
  } finally {
    RequestBook.prototype.intend = intend;
    await host.stop();
    await model.close();
  }
}

interface Figures {
  with: number[];
  without: number[];
}

/** Every other time with and without: what else the machine does is then the same for both. */
async function inTurns(pairs: number, once: () => Promise<number>, turn: (on: boolean) => void): Promise<Figures> {
  const figures: Figures = { with: [], without: [] };
  for (let i = 0; i < 2 * pairs + 10; i++) {
    const on = i % 2 === 0;
    turn(on);
    const ms = await once();
    if (i >= 10) figures[on ? "with" : "without"].push(ms);
    // What follows the answer, its record for one, belongs to it.
    await pause(10);
  }
  turn(true);
  return figures;
}

function ratio(figures: Figures) {
  const median = (samples: number[]) => samples.toSorted((a, b) => a - b)[samples.length >> 1] ?? Number.NaN;
  return single("p50 with / p50 without", "", median(figures.with) / median(figures.without));
}

/** @param count records in the log */
export function longLog(count: number): Promise<Section> {
  return onDisk((store, audit, file) => {
    const { db } = store;
    for (let i = 0; i < count; i += 10_000)
      db.transaction(() => Array.from({ length: 10_000 }, (_, k) => audit.append(entry(i + k))));
    const rare = audit.append({ actor: "eve", verb: "status", resource: "", decision: "deny", detail: { why: "no" } });
    const records = new Records(db);
    const filters: Record<string, Filter> = {
      "no filter": {},
      "a common actor": { actor: "agent:a-3" },
      "an actor that is not there": { actor: "nobody" },
      "a verb": { verb: "turn.end" },
      refusals: { decision: "deny" },
      "a session": { session: "s-7" },
      "a turn of a session": { session: "s-7", turn: 3 },
      "the last second": { since: Date.now() - 1000 },
      "until the beginning": { until: 0 },
      "two that never meet": { actor: "eve", verb: "turn.end" },
    };
    const list = Object.entries(filters).map(([what, filter]) =>
      percentiles(
        `list, ${what}`,
        "ms",
        Array.from({ length: 20 }, () => timed(() => records.latest(filter, 50))),
      ),
    );
    const one = records.one(rare);
    return {
      name: `k. a log of ${count} records`,
      rows: [
        ...list,
        percentiles(
          "what a record led to",
          "ms",
          Array.from({ length: 20 }, () => timed(() => one && records.effects(one, 200))),
        ),
        single("verify, the whole chain", "s", timed(() => audit.verify()) / 1000),
        single("database", "MB", statSync(file).size / 2 ** 20),
      ],
    };
  });
}
