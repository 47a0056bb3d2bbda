/** Rooms and the agents in them, with a real host and real containers: unknown ones, several chats, several agents. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { type Note, Paper, type Printed } from "../crash/paper.ts";
import { pause, TestHost } from "../support/host.ts";

/** A host with an agent and the platform of files. */
async function given(t: Parameters<typeof TestHost.start>[0]) {
  const host = await TestHost.start(t, { main: "test/crash/host.ts" });
  await host.init();
  await host.follow((all) => all.length > 0);
  const paper = new Paper(join(host.paths.data, "../paper"));
  let said = 0;
  /** In a room where others are; `mentions` the agent or not. */
  const says = (chat: string, text: string, mentions: boolean, more: Partial<Note> = {}): string => {
    said += 1;
    const id = String(said).padStart(4, "0");
    paper.write({ id, text, chat, mentioned: mentions, direct: false, ...more });
    return id;
  };
  const taken = async () => {
    for (let tries = 0; paper.waiting().length > 0 && tries < 600; tries++) await pause(50);
    assert.deepEqual(paper.waiting(), []);
  };
  /** Messages of the agent that answer these, one each, in their order. */
  const answers = async (...ids: string[]): Promise<Printed[]> => {
    const found = () => ids.map((id) => paper.printed().find((one) => one.answers.includes(id)));
    for (let tries = 0; !found().every(Boolean) && tries < 1_200; tries++) await pause(50);
    return found().map((one, index) => one ?? assert.fail(`${ids[index]} was not answered\n${host.logTail()}`));
  };
  const ncl = (...args: string[]) =>
    execFileSync(process.execPath, [resolve(import.meta.dirname, "../../cli/ncl.ts"), ...args], {
      env: { ...process.env, NANOCLAW_DATA: host.paths.data, NANOCLAW_RUN: host.paths.run },
      encoding: "utf8",
      stdio: "pipe",
    });
  return { host, paper, says, taken, answers, ncl };
}

test("a stranger mentions the agent where none is: nothing of the chatter before is kept, the owner connects it elsewhere, and it answers there", async (t) => {
  const { host, paper, says, taken, answers, ncl } = await given(t);
  const ann = { user: "paper:ann", userName: "Ann" };
  says("club", "a secretword among friends", false, ann);
  await taken();
  const isKept = (word: string) =>
    [host.paths.database, `${host.paths.database}-wal`].some(
      (file) => existsSync(file) && readFileSync(file).includes(word),
    );
  assert.equal(isKept("secretword"), false);
  const hello = says("club", "hello, are you there?", true, ann);
  const asked = await host.follow((all) => all.some(({ text }) => text.includes("Question 1")));
  const { text = "" } = asked.find((one) => one.text.includes("Question 1")) ?? {};
  assert.match(
    text,
    /Ann \(paper:ann\) spoke to the agent in paper:club, a chat that no agent is in:\n\n> hello, are you/,
  );
  assert.match(text, /Connect to Nano \(main\): \/approve 1 1\nA new agent for it: \/approve 1 2\nNo: \/approve 1 3/);
  assert.equal(isKept("are you there?"), true, "it waits, durably");
  assert.deepEqual(paper.printed(), []);
  await host.kill("SIGKILL");
  await host.up();
  const decided = await host.answer(await host.say("/approve 1 1"));
  assert.match(decided.text, /wants an agent in paper:club: Connect to Nano \(main\), says You\./);
  const [first] = await answers(hello);
  assert.deepEqual([first?.chat, first?.text], ["club", "echo: hello, are you there?"]);
  says("club", "talk among friends", false, ann);
  const more = says("club", "and again?", true, ann);
  const [second] = await answers(more);
  assert.equal(second?.text, "echo: and again?");
  assert.equal(paper.printed().length, 2);
  assert.match(ncl("wirings", "list"), /main\s+paper:club\s+mention\s+.*all\s+drop\s+shared\s+0/);
  assert.match(ncl("messaging-groups", "show", "paper:club"), /policy\s+request_approval[\s\S]*members\s+paper:ann/);
  assert.equal((await host.call("audit.verify", {})).ok, true);
});

test("one agent over three chats: a conversation each, one for each thread, or one for all, which answers where it was asked", async (t) => {
  const { host, says, answers, ncl } = await given(t);
  const wire = (chat: string, mode: string) =>
    ncl("wirings", "add", "main", `paper:${chat}`, "--engage", "always", "--session-mode", mode);
  const sessions = async () =>
    (await host.call("sessions.list", {})).filter(({ chat }) => chat.startsWith("paper:")).length;
  for (const chat of ["s1", "s2", "s3"]) wire(chat, "shared");
  for (const chat of ["t1", "t2", "t3"]) wire(chat, "per-thread");
  for (const chat of ["a1", "a2", "a3"]) wire(chat, "agent-shared");
  for (const chat of ["s1", "s2", "s3", "t1", "t2", "t3", "a1", "a2", "a3"])
    await host.call("senders.policy", { chat: `paper:${chat}`, policy: "public" });

  const shared = ["s1", "s2", "s3"].map((chat, n) => says(chat, `in ${chat}`, false, n === 0 ? { thread: "x" } : {}));
  assert.deepEqual(
    (await answers(...shared)).map(({ chat, text }) => [chat, text]),
    ["s1", "s2", "s3"].map((chat) => [chat, `echo: in ${chat}`]),
  );
  assert.equal(await sessions(), 3);

  const threads = ["t1", "t2", "t3", "t1"].map((chat, n) => says(chat, `in ${chat} ${n}`, false, { thread: `th${n}` }));
  assert.deepEqual(
    (await answers(...threads)).map(({ chat, thread, text }) => [chat, thread, text]),
    ["t1", "t2", "t3", "t1"].map((chat, n) => [chat, `th${n}`, `echo: in ${chat} ${n}`]),
  );
  assert.equal(await sessions(), 7);

  // The first is at work when the others come: each has its own turn, and its answer, in its own chat.
  const everywhere = ["a1", "a2", "a3", "a2", "a1"].map((chat, n) =>
    says(chat, `${n === 0 ? "sleep:1500 " : ""}in ${chat} ${n}`, false, chat === "a3" ? { thread: "deep" } : {}),
  );
  assert.deepEqual(
    (await answers(...everywhere)).map(({ chat, thread, text }) => [chat, thread, text]),
    [
      ["a1", null, "echo: sleep:1500 in a1 0"],
      ["a2", null, "echo: in a2 1"],
      ["a3", "deep", "echo: in a3 2"],
      ["a2", null, "echo: in a2 3"],
      ["a1", null, "echo: in a1 4"],
    ],
  );
  assert.equal(await sessions(), 8);
});

test("two agents in one room decide alone: each hears what it wants, and keeps what was said meanwhile if it is told to", async (t) => {
  const { host, paper, says, taken, answers, ncl } = await given(t);
  await host.call("groups.init", { folder: "ops", name: "Ops", timeZone: "UTC", provider: "null" });
  ncl("wirings", "add", "main", "paper:den", "--pattern", "(?i)\\bnano\\b");
  ncl("wirings", "add", "ops", "paper:den", "--ignored", "accumulate");
  assert.throws(() => ncl("wirings", "set", "main", "paper:den", "--pattern", "(?=x)"), /pattern can't be used/);
  ncl("senders", "policy", "paper:den", "public");
  const forMain = says("den", "Nano, what is the time?", false);
  const [main] = await answers(forMain);
  assert.equal(main?.text, "echo: Nano, what is the time?");
  says("den", "nobody in particular", false);
  await taken();
  const forOps = says("den", "and you?", true);
  const [ops] = await answers(forOps);
  assert.equal(ops?.text, "echo: Nano, what is the time?\nnobody in particular\nand you?");
  assert.equal(paper.printed().length, 2);
  ncl("wirings", "remove", "ops", "paper:den");
  says("den", "are you still there?", true);
  const last = says("den", "nano?", false);
  await answers(last);
  assert.equal(paper.printed().length, 3);
});
