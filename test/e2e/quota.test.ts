/** A workspace that becomes too large, with a real host and real containers: only the model's words are scripted. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { measure } from "../../parts/quota/measure.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { pause, TestHost } from "../support/host.ts";
import { type Scripted, startScriptedModel } from "../support/model.ts";
import { openBox } from "./sandbox-box.ts";

const MB = 1e6;

/** An agent that does the command which somebody asks it for, and then says so. */
async function given(t: Parameters<typeof TestHost.start>[0]) {
  const script = ({ raw }: { raw: string }): Scripted => {
    const [command] = /(?<=do: )[^"\\]+(?=;;)/.exec(raw.slice(raw.lastIndexOf("do: "))) ?? [];
    const over = raw.lastIndexOf("tool_result") > raw.lastIndexOf("do: ");
    return command === undefined || over ? { say: "done" } : { use: "Bash", input: { command } };
  };
  const model = await startScriptedModel({ script });
  t.after(() => model.close());
  const host = await TestHost.start(t);
  await host.initWithModel(model);
  return { host, model };
}

const inside = (host: TestHost, command: string) => {
  const [id] = host.containers();
  assert.ok(id, "it has no container");
  execFileSync("docker", ["exec", id, "sh", "-c", command]);
};

test("a workspace grows above its limit in the middle of a turn: it is stopped and said, the agent may clear up, and the rest goes on", async (t) => {
  const { host, model } = await given(t);
  const limit = await host.call("quota.set", { folder: "main", gigabytes: 0.03 });
  assert.equal(limit.limitBytes, 30 * MB);
  const grow = "head -c 60000000 /dev/urandom > big; sleep 100";
  const n = await host.say(`do: ${grow};;`);
  const said = await host.follow((all) => all.some(({ text }) => text.startsWith("I stop here")), "main", 60_000);
  assert.match(
    said.at(-1)?.text ?? "",
    /my workspace holds 6\d(\.\d)? MB, and its limit is 30 MB\. Write again and let me clear up: .* stays below 6\d(\.\d)? MB\. Or raise the limit on my machine: `ncl quota set main --gigabytes 0\.1\d`\.$/,
  );
  assert.equal((await host.answer(n)).text, "Stopped.");
  const [{ state = "", bytes = 0 } = {}] = await host.call("quota.list", {});
  assert.match(state, /above its limit/);
  assert.ok((bytes ?? 0) > 60 * MB);

  assert.equal((await host.ask("do: rm /workspace/big;;", "main", 60_000)).text, "done");
  assert.match(JSON.stringify(model.requests.at(-1)), /delete what is not needed any more/, "the agent was told");
  const after = await host.call("quota.check", { folder: "main" });
  assert.equal(after.state, "within its limit");
  assert.ok((after.bytes ?? 0) < 10 * MB);
});

test("an agent that grows instead of clearing up does not start again before there is room; others go on", async (t) => {
  const host = await TestHost.start(t);
  await host.init();
  await host.call("groups.init", { folder: "other", name: "Other", timeZone: "UTC", provider: "null" });
  const { chat } = await host.call("claw.open", { group: "other" });
  await host.call("quota.set", { folder: "main", gigabytes: 0.03 });
  await host.ask("hello");
  inside(host, "head -c 40000000 /dev/urandom > /workspace/a");
  assert.match((await host.call("quota.check", { folder: "main" })).state, /above/);
  await host.ask("again");
  inside(host, "head -c 40000000 /dev/urandom > /workspace/b");
  assert.match((await host.call("quota.check", { folder: "main" })).state, /full/);

  const n = await host.say("now?");
  const said = await host.follow((all) => all.some(({ text }) => text.includes("can't start")));
  assert.match(
    said.at(-1)?.text ?? "",
    /my workspace holds 8\d(\.\d)? MB, and its limit is 30 MB; .*Delete what is not needed in groups\/main\/workspace, or raise the limit: `ncl quota set main --gigabytes 0\.1\d`\. Your message is kept/,
  );
  assert.match((await host.ask("and you?", chat)).text, /and you\?/);
  await host.call("quota.set", { folder: "main", gigabytes: 1 });
  assert.match((await host.answer(n, "main", 90_000)).text, /now\?/);
});

test("a folder that nobody can look into is found, and opened again before the next start", async (t) => {
  const host = await TestHost.start(t);
  await host.init();
  await host.ask("hello");
  inside(
    host,
    "mkdir -p /workspace/dark/deep && head -c 5000000 /dev/urandom > /workspace/dark/deep/x && chmod 0 /workspace/dark/deep",
  );
  const found = await host.call("quota.check", { folder: "main" });
  assert.deepEqual([found.hidden, /above/.test(found.state)], [1, true]);
  while (host.containers().length > 0) await pause(100);
  await host.ask("again");
  const after = await host.call("quota.check", { folder: "main" });
  assert.deepEqual([after.hidden, after.state], [0, "within its limit"]);
  assert.ok((after.bytes ?? 0) > 5 * MB, "what it hid is counted");
});

test("a look counts what lies on the disk, once for all its names, and gives up counting files above the limit", async (t) => {
  const box = openBox(null);
  t.after(() => box.close());
  const look = (most: number, open = false) => {
    const places = [join(box.dir, "workspace"), join(box.dir, "provider")];
    const nothing = join(box.dir, "run");
    const spec = box.spec("true");
    return measure(box.driver, systemClock, { spec, places, nothing, most, open, name: `${spec.name}-look` });
  };
  await box.run(`cd /workspace; head -c 2000000 /dev/urandom > a; ln a b; ln a '\n9 9 9'; truncate -s 900M sparse
      mkdir dark many; head -c 1000000 /dev/urandom > dark/x; chmod 0 dark; for i in $(seq 300); do : > many/$i; done
      head -c 1000000 /dev/urandom > /nanoclaw/provider/state`);
  const seen = await look(10_000);
  assert.ok(seen.bytes >= 3 * MB && seen.bytes < 3.1 * MB, `${seen.bytes} bytes`);
  // Both places themselves, five names and two folders in one of them, one file in the other, and what the folder holds.
  assert.deepEqual([seen.files, seen.hidden], [309, 1]);
  assert.equal((await look(100)).files, 101);
  const opened = await look(10_000, true);
  assert.deepEqual([opened.files, opened.hidden, opened.bytes >= 4 * MB], [310, 0, true]);
});
