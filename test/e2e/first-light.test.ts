/** The main path with real containers, the real agent SDK and the practice model. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { pause, TestHost } from "../support/host.ts";

test("from nothing to a welcome, a tool call with its result, and a conversation that outlives its container", async (t) => {
  const host = await TestHost.start(t);
  await host.init("claude");
  const [welcome] = await host.follow((all) => all.length > 0);
  assert.equal(welcome?.author, "agent");
  assert.match(welcome?.text ?? "", /practice/i);

  const noted = await host.ask("write a note: buy oat milk");
  assert.equal(noted.author, "agent");
  const listed = await host.ask("list the files");
  assert.match(listed.text, /notes\.md/);
  const read = await host.ask("read notes.md");
  assert.match(read.text, /buy oat milk/);

  await host.ask("my name is Ada");
  const [container] = host.containers();
  assert.ok(container);
  execFileSync("docker", ["kill", container], { stdio: "ignore" });
  const remembered = await host.ask("what is my name?");
  assert.match(remembered.text, /Ada/);

  const tools = execFileSync(process.execPath, ["scripts/q.ts", "--json", "select name, state from turn_tools"], {
    env: { ...process.env, NANOCLAW_DATA: host.paths.data },
    encoding: "utf8",
  });
  assert.match(tools, /Bash|Read/);
  const verdict = await host.call("audit.verify", {});
  assert.equal(verdict.ok, true);
});

test("text arrives while it is written, and a follow-up is answered by the turn that runs", async (t) => {
  const host = await TestHost.start(t);
  await host.init("claude");
  await host.follow((all) => all.length > 0);
  const drafts: string[] = [];
  const signal = AbortSignal.timeout(60_000);
  const n = await host.say("tell me a story");
  for await (const event of host.client.stream("chat.follow", { after: n }, { signal })) {
    if (event.type === "draft" && event.text) drafts.push(event.text);
    if (event.type === "message" && event.answers.includes(n)) break;
  }
  assert.ok(new Set(drafts).size >= 3, `${drafts.length} drafts`);

  const first = await host.say("work for 3 seconds");
  await pause(1500);
  const second = await host.say("my name is Grace");
  const [one, two] = await Promise.all([host.answer(first), host.answer(second)]);
  assert.equal(one.n, two.n, "one message answers both");
});

test("a stop ends the running turn and says so", async (t) => {
  const host = await TestHost.start(t);
  await host.init("claude");
  await host.follow((all) => all.length > 0);
  const n = await host.say("work for 30 seconds");
  await pause(2000);
  const { stopped } = await host.call("chat.stop", {});
  assert.equal(stopped, true);
  const all = await host.follow((messages) => messages.some((m) => m.author === "system"), "main", 10_000);
  assert.match(all.at(-1)?.text ?? "", /Stopped/);
  assert.deepEqual(all.at(-1)?.answers, [n]);
  const after = await host.ask("hello again");
  assert.equal(after.author, "agent");
});

test("the same path under gVisor, with a container killed on the way", async (t) => {
  const host = await TestHost.start(t);
  await host.init("claude");
  const { chat, session } = await host.call("claw.open", { runtime: "runsc" });
  assert.match((await host.ask("my name is Ada", chat)).text, /Ada/);
  assert.match((await host.ask("run: head -c 4 /proc/version", chat)).text, /Linu/);
  const filter = `label=nanoclaw.session=${session}`;
  const id = execFileSync("docker", ["ps", "-q", "--filter", filter], { encoding: "utf8" }).trim();
  const runtime = execFileSync("docker", ["inspect", "-f", "{{.HostConfig.Runtime}}", id], { encoding: "utf8" }).trim();
  assert.equal(runtime, "runsc");
  execFileSync("docker", ["kill", id], { stdio: "ignore" });
  assert.match((await host.ask("what is my name?", chat)).text, /Ada/);
});
