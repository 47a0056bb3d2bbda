/** A whole runner as a process of its own, under Bun as in a container, against the host's side of one session. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import type { RunnerConfig } from "../../protocol/config.ts";
import { type Script, startScriptedModel } from "../../test/support/model.ts";
import { TestHost } from "../../test/support/runner/host.ts";
import { message } from "../../test/support/runner/message.ts";

/** The binary's own package: the `bun` package needs an install script to have one. */
const bunPackage = createRequire(import.meta.url).resolve("bun/package.json");
const bun = createRequire(bunPackage).resolve(`@oven/bun-${process.platform}-${process.arch}/bin/bun`);

interface Stage {
  host: TestHost;
  runner: ChildProcess;
  /** Starts another runner over the same session. */
  again(): ChildProcess;
  ended(runner: ChildProcess): Promise<number | null>;
}

async function onStage(config: Partial<RunnerConfig>, play: (stage: Stage) => Promise<void>, script?: Script) {
  const folder = mkdtempSync(join(tmpdir(), "runner-"));
  const model = script ? await startScriptedModel({ script }) : null;
  const host = new TestHost(folder, config, model?.address);
  await host.open();
  const started: ChildProcess[] = [];
  const start = () => {
    const entry = join(import.meta.dirname, "../../test/support/runner/process.ts");
    const lettingGo = script ? "15000" : "1000";
    const environment = { PATH: process.env.PATH, HOME: folder };
    const runner = spawn(bun, [entry, JSON.stringify(host.layout), lettingGo], {
      env: environment,
      stdio: ["ignore", "inherit", "pipe"],
    });
    runner.stderr?.on("data", (bytes) => process.env.SHOW_STDERR && process.stderr.write(bytes));
    started.push(runner);
    return runner;
  };
  const ended = (runner: ChildProcess) =>
    runner.exitCode === null && runner.signalCode === null
      ? new Promise<number | null>((resolve) => runner.once("exit", resolve))
      : Promise.resolve(runner.exitCode);
  try {
    await play({ host, runner: start(), again: start, ended });
  } finally {
    for (const runner of started) {
      runner.kill("SIGKILL");
      await ended(runner);
    }
    await host.close();
    await model?.close();
    rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }
}

describe("a runner", () => {
  it("answers what was there before it came, and what comes after, each with its own turn", async () => {
    await onStage({}, async ({ host }) => {
      const first = host.say("one");
      const [turn] = await host.until("turn_ended");
      assert.deepEqual(turn?.outcome, { status: "done", text: "echo: one" });
      assert.deepEqual(turn?.acknowledges, [first]);
      const second = host.say("two");
      const turns = await host.until("turn_ended", 2);
      assert.deepEqual(turns[1]?.acknowledges, [second]);
      assert.ok(host.rows.every(({ n }, index) => n === 2 * index + 1));
    });
  });

  it("loses and repeats nothing of many messages, and keeps its file small once they are taken", async () => {
    await onStage({}, async ({ host }) => {
      const said = Array.from({ length: 300 }, (_, index) => host.say(`message ${index} ${"x".repeat(3000)}`));
      const count = () => host.all("turn_ended").flatMap((turn) => turn.acknowledges);
      for (const deadline = Date.now() + 20_000; count().length < 300; ) {
        assert.ok(Date.now() < deadline, `${count().length} of 300`);
        host.settle();
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      assert.deepEqual(count(), said);
      host.settle();
      host.say("last");
      await new Promise((resolve) => setTimeout(resolve, 300));
      host.settle();
      host.say("the very last");
      await new Promise((resolve) => setTimeout(resolve, 300));
      assert.ok(statSync(host.layout.outboundDb).size < 300_000, `${statSync(host.layout.outboundDb).size} bytes`);
    });
  });

  it("shows progress while it works and takes it away with the end", async () => {
    await onStage({}, async ({ host }) => {
      host.say("tool sleep:300");
      await host.until("turn_ended");
      assert.ok(host.progress.some(({ activity }) => activity === "Nothing: does nothing"));
      const shown = host.progress.length;
      host.look();
      assert.equal(host.progress.length, shown);
      assert.deepEqual(
        host.all("tool_ended").map(({ ok }) => ok),
        [true],
      );
    });
  });

  it("stops a turn, and answers what comes after it", async () => {
    await onStage({}, async ({ host }) => {
      host.say("sleep:60000");
      await host.until("turn_started");
      host.put({ kind: "control", action: "stop" });
      const [stopped] = await host.until("turn_ended");
      assert.equal(stopped?.outcome.status, "stopped");
      host.say("and now");
      assert.deepEqual((await host.until("turn_ended", 2))[1]?.outcome, { status: "done", text: "echo: and now" });
    });
  });

  it("carries out verbs for the agent and tells it the answers", async () => {
    const tools = [{ name: "do_it", verb: "things.do", description: "Does it.", schema: { type: "object" } }];
    await onStage({ tools }, async ({ host }) => {
      host.say('verb:do_it {"what":"tea"}\nverb:do_it {"what":"war"}\nverb:other');
      const [first] = await host.until("verb");
      assert.deepEqual(first, { kind: "verb", turn: 1, verb: "things.do", args: { what: "tea" } });
      const numbers = () => host.rows.flatMap(({ n, body }) => (body.kind === "verb" ? [n] : []));
      host.put({ kind: "answer", to: numbers()[0] ?? 0, ok: true, text: "made" });
      await host.until("verb", 2);
      host.put({ kind: "answer", to: numbers()[1] ?? 0, ok: false, text: "never" });
      const [turn] = await host.until("turn_ended");
      assert.ok(turn?.outcome.status === "done");
      assert.match(turn.outcome.text, / \[ok: made\] \[failed: never\] \[failed: there is no tool other\]$/);
      assert.deepEqual(
        host.all("tool_ended").map(({ ok }) => ok),
        [true, false, false],
      );
    });
  });

  it("ends a turn that is stuck and answers what it had not taken up; nothing of the old turn comes back", async () => {
    const budgets = { model: 60_000, tool: 400, turn: 60_000 };
    await onStage({ budgets }, async ({ host }) => {
      const first = host.say("tool sleep:1000");
      await host.until("tool_started");
      const second = host.say("second");
      const turns = await host.until("turn_ended", 2);
      assert.deepEqual(turns[0]?.acknowledges, [first]);
      assert.deepEqual(turns[0]?.outcome, {
        ...({ status: "error", class: "stuck" } as const),
        message: "the tool Nothing gave no end in 0.4 seconds",
      });
      assert.deepEqual(turns[1]?.acknowledges, [second]);
      assert.deepEqual(turns[1]?.outcome, { status: "done", text: "echo: second" });
      await new Promise((resolve) => setTimeout(resolve, 1000));
      host.look();
      assert.equal(host.all("turn_ended").length, 2);
    });
  });

  it("ends a turn that goes round in circles, and works on", async () => {
    await onStage({}, async ({ host }) => {
      host.say("tool:7");
      await host.until("turn_ended");
      host.say("tool:30 sleep:5000");
      const turns = await host.until("turn_ended", 2);
      assert.equal(turns[0]?.outcome.status, "done");
      assert.ok(turns[1]?.outcome.status === "error" && turns[1].outcome.class === "loop");
      assert.match(turns[1].outcome.message, /Nothing was called 8 times in a row/);
      host.say("and now");
      await host.until("turn_ended", 3);
    });
  });

  it("ends itself where the agent does not let go, once the turn's end is durable", async () => {
    const budgets = { model: 300, tool: 60_000, turn: 60_000 };
    await onStage({ budgets }, async ({ host, runner, ended }) => {
      host.say("deaf sleep:60000");
      await host.until("turn_started");
      const late = host.say("late");
      assert.equal(await ended(runner), 5);
      host.look();
      const [turn] = host.all("turn_ended");
      assert.ok(turn?.outcome.status === "error" && turn.outcome.class === "stuck");
      assert.ok(!turn.acknowledges.includes(late), "it is left to the next runner");
    });
  });

  it("works on after a rest, and finds a message for which nobody rang", async () => {
    await onStage({}, async ({ host }) => {
      host.put({ kind: "control", action: "rest" });
      host.say("awake?");
      await host.until("turn_ended");
      host.put(message("quiet"), false);
      await host.until("turn_ended", 2, 8000);
    });
  });

  it("works on when the host was away", async () => {
    await onStage({}, async ({ host }) => {
      host.say("sleep:500");
      await host.until("turn_started");
      await host.close();
      host.put({ kind: "control", action: "rest" }, false);
      await new Promise((resolve) => setTimeout(resolve, 700));
      await host.open();
      await host.until("turn_ended");
    });
  });

  it("leaves a running turn without an end when it is told to stop, at once; another takes it up", async () => {
    await onStage({}, async ({ host, runner, again, ended }) => {
      host.say("sleep:1500");
      await host.until("turn_started");
      const asked = Date.now();
      runner.kill("SIGTERM");
      assert.equal(await ended(runner), 0);
      assert.ok(Date.now() - asked < 500);
      assert.equal(host.all("turn_ended").length, 0);
      host.configure({ outboundCursor: host.rows.at(-1)?.n ?? 0 });
      again();
      const [turn] = await host.until("turn_ended");
      assert.equal(turn?.turn, 3);
    });
  });

  it("goes on numbering above the host's cursor when its own file is new", async () => {
    await onStage({ outboundCursor: 40 }, async ({ host }) => {
      host.say("hi");
      await host.until("turn_ended");
      assert.deepEqual(
        host.rows.map(({ n }) => n),
        [41, 43],
      );
    });
  });

  it("says what is wrong with a provider that it doesn't have, in the turn", async () => {
    await onStage({ provider: "nobody" }, async ({ host }) => {
      host.say("hi");
      const [turn] = await host.until("turn_ended");
      assert.ok(turn?.outcome.status === "error" && turn.outcome.class === "bug");
      assert.match(turn.outcome.message, /no provider "nobody"/);
    });
  });

  it("ends with a code and a reason where it can't work", async () => {
    await onStage({}, async ({ host, runner, again, ended }) => {
      await host.until("turn_ended", 0);
      runner.kill("SIGKILL");
      writeFileSync(host.layout.config, "{}");
      const broken = again();
      let words = "";
      broken.stderr?.on("data", (bytes) => {
        words += bytes;
      });
      assert.equal(await ended(broken), 2);
      assert.match(words, /config\.json/);
      host.configure({});
      writeFileSync(host.layout.outboundDb, "no database at all, but long enough to be looked at".repeat(100));
      assert.equal(await ended(again()), 3);
    });
  });
});

describe("a runner with the agent SDK", () => {
  it("answers over the relay, with a tool, and takes its conversation up after a rest and in a new process", async () => {
    const heard: string[] = [];
    const script: Script = (request, index) => {
      heard.push(request.raw);
      if (index === 0) return { say: "I look.", use: "Bash", input: { command: "echo it-ran > made; cat made" } };
      return { say: `answer ${index}` };
    };
    const play = async ({ host, runner, again, ended }: Stage) => {
      host.say("please look");
      const [first] = await host.until("turn_ended");
      assert.deepEqual(first?.outcome, { status: "done", text: "answer 1" });
      assert.match(heard[1] ?? "", /it-ran/);
      assert.equal(readFileSync(join(host.layout.workspace, "made"), "utf8"), "it-ran\n");
      assert.deepEqual(
        host.all("tool_started").map(({ name }) => name),
        ["Bash"],
      );
      assert.ok((first?.usage?.inputTokens ?? 0) > 0);
      host.put({ kind: "control", action: "rest" });
      await new Promise((resolve) => setTimeout(resolve, 500));
      host.say("after a rest");
      await host.until("turn_ended", 2);
      assert.match(heard[2] ?? "", /please look.*after a rest/s);
      const ends = host.all("turn_ended");
      assert.equal(ends[0]?.continuation?.value, ends[1]?.continuation?.value);
      runner.kill("SIGTERM");
      await ended(runner);
      host.settle();
      host.configure({
        provider: "claude",
        outboundCursor: host.rows.at(-1)?.n ?? 0,
        continuation: ends[1]?.continuation ?? null,
      });
      host.say("in a new process");
      again();
      await host.until("turn_ended", 3);
      assert.match(heard[3] ?? "", /please look.*after a rest.*in a new process/s);
      assert.ok(readdirSync(host.layout.providerState).length > 0);
    };
    await onStage({ provider: "claude" }, play, script);
  });

  it("gives up a tool that does not end, and answers the follow-up in the same conversation", async () => {
    const heard: string[] = [];
    const script: Script = (request, index) => {
      heard.push(request.raw);
      return index === 0 ? { say: "I wait.", use: "Bash", input: { command: "sleep 60" } } : { say: "well again" };
    };
    const play = async ({ host }: Stage) => {
      const first = host.say("first");
      await host.until("tool_started");
      const second = host.say("late-words");
      const turns = await host.until("turn_ended", 2);
      assert.deepEqual(
        turns.map(({ acknowledges }) => acknowledges),
        [[first], [second]],
      );
      assert.ok(turns[0]?.outcome.status === "error" && turns[0].outcome.class === "stuck");
      assert.match(turns[0].outcome.message, /^the tool Bash gave no end in 1\.5 seconds$/);
      assert.deepEqual(turns[1]?.outcome, { status: "done", text: "well again" });
      assert.equal(heard.length, 2);
      assert.match(heard[1] ?? "", /first.*late-words/s);
      assert.equal(heard[1]?.split("late-words").length, 2, "said once");
    };
    const budgets = { model: 60_000, tool: 1500, turn: 60_000 };
    await onStage({ provider: "claude", budgets }, play, script);
  });

  it("feeds a follow-up to the turn that runs, and tells of a model that fails", async () => {
    const script: Script = (_, index) => {
      if (index === 0) return { say: "I wait.", use: "Bash", input: { command: "sleep 1" } };
      return index === 1 ? { say: "both" } : { status: 529, message: "Overloaded" };
    };
    const play = async ({ host }: Stage) => {
      const first = host.say("first");
      await host.until("tool_started");
      const second = host.say("second");
      const [turn] = await host.until("turn_ended");
      assert.deepEqual(turn?.acknowledges, [first, second]);
      assert.deepEqual(
        host.all("turn_fed").map(({ inbound }) => inbound),
        [[second]],
      );
      host.say("third");
      const failed = (await host.until("turn_ended", 2))[1];
      assert.ok(failed?.outcome.status === "error" && failed.outcome.class === "overload");
    };
    await onStage({ provider: "claude" }, play, script);
  });
});
