/** What becomes of a session that nobody speaks to, in a real container with the real agent SDK; with short times. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { ControlClient } from "../../cli/client.ts";
import { fileLog } from "../../src/lib/log.ts";
import { pathsOf } from "../../src/lib/paths.ts";
import { startHost } from "../../src/main.ts";
import { defaultTimers } from "../../src/sessions/machine.ts";
import { pause } from "../support/host.ts";

test("a session that rests gives its agent back, then its container, and still knows what was said", async (t) => {
  const dir = mkdtempSync(join(tmpdir(), "nc-idle-"));
  const paths = pathsOf(resolve(import.meta.dirname, "../.."), {
    ...process.env,
    NANOCLAW_DATA: join(dir, "data"),
    NANOCLAW_RUN: join(dir, "run"),
    NANOCLAW_IMAGE: "nanoclaw-agent:latest",
    XDG_CONFIG_HOME: join(dir, "config"),
  });
  const timers = { ...defaultTimers, ready: 3_000, resting: 6_000 };
  const host = await startHost(paths, fileLog(join(paths.logs, "host.log")), () => {}, { timers });
  t.after(async () => {
    await host.stop();
    rmSync(dir, { recursive: true, force: true });
  });
  const client = new ControlClient(paths.controlSocket);
  await client.call("groups.init", { folder: "main", name: "Nano", timeZone: "UTC", provider: "claude" });

  const ask = async (text: string) => {
    const { n } = await client.call("chat.send", { chat: "main", text, key: `idle-${text}` });
    const signal = AbortSignal.timeout(60_000);
    for await (const event of client.stream("chat.follow", { chat: "main", after: n }, { signal })) {
      if (event.type === "message" && event.answers.includes(n)) return event.text;
    }
    throw new Error("no answer");
  };
  const state = async () => (await client.call("sessions.list", {}))[0]?.state;
  const until = async (wanted: string) => {
    for (let tries = 0; tries < 400; tries += 1) {
      if ((await state()) === wanted) return;
      await pause(50);
    }
    assert.fail(`it is ${await state()}, not ${wanted}`);
  };
  const containers = () =>
    execFileSync("docker", ["ps", "-q", "--filter", `label=nanoclaw.installation=${paths.installation}`], {
      encoding: "utf8",
    })
      .split("\n")
      .filter(Boolean);
  const processes = () =>
    execFileSync("docker", ["top", containers()[0] ?? "", "-o", "pid,args"], { encoding: "utf8" });

  await ask("my name is Ada");
  await until("ready");
  assert.match(processes(), /claude-agent-sdk/, "warm: the agent's process stays");
  await until("resting");
  for (let tries = 0; /claude-agent-sdk/.test(processes()) && tries < 100; tries += 1) await pause(50);
  assert.doesNotMatch(processes(), /claude-agent-sdk/, "resting: only the runner is left");
  assert.match(await ask("what is my name?"), /Ada/, "it wakes up and goes on");
  await until("cold");
  assert.deepEqual(containers(), [], "cold: no container is left");
  assert.match(await ask("and what is my name now?"), /Ada/);
});
