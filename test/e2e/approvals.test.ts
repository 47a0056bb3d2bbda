/** Questions over the terminal, with a real host and real containers: asked, outliving the host, answered, and their effect. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join, resolve } from "node:path";
import { test } from "node:test";
import npm from "../../src/gateway/bundles/npm.json" with { type: "json" };
import { openStore } from "../../src/store/store.ts";
import { Paper } from "../crash/paper.ts";
import { pause, TestHost } from "../support/host.ts";

const ROOM = "m-desk";
const NPM = (npm.rules[0]?.hosts[0] ?? "").replaceAll(".", "\\.");

test("somebody unknown is asked about in the terminal, let in by /approve after the host was killed, and answered", async (t) => {
  const host = await TestHost.start(t, { main: "test/crash/host.ts" });
  await host.init();
  await host.follow((all) => all.length > 0);
  await host.kill("SIGTERM");
  furnish(host);
  await host.up();
  const paper = new Paper(join(host.paths.data, "../paper"));
  paper.write({ id: "1", text: "hello from outside" });
  const asked = await host.follow((all) => all.some(({ text }) => text.includes("Question 1")));
  const { text = "", author } = asked.find((message) => message.text.includes("Question 1")) ?? {};
  assert.equal(author, "system");
  assert.match(text, /Someone \(paper:someone\) wrote in paper:desk/);
  assert.match(text, /> hello from outside/);
  assert.match(text, /Yes, here: \/approve 1 1\nNo: \/approve 1 2/);
  assert.deepEqual(paper.printed(), []);

  await host.kill("SIGKILL");
  await host.up();
  assert.equal((await host.call("approvals.list", { state: "pending" })).length, 1);
  const wrong = await host.answer(await host.say("/approve 1 7"));
  assert.match(wrong.text, /Nothing was decided: it has no answer "7"/);
  const answer = await host.answer(await host.say("/approve 1 1"));
  assert.match(answer.text, /Someone \(paper:someone\) wants to speak in paper:desk: Yes, here, says You\./);
  for (let tries = 0; paper.printed().length === 0 && tries < 600; tries++) await pause(100);
  assert.match(paper.printed()[0]?.text ?? "", /hello from outside/);

  const again = await host.answer(await host.say("/approve 1 2"));
  assert.match(again.text, /Nothing was decided: it was answered before/);
  paper.write({ id: "2", text: "and once more" });
  for (let tries = 0; paper.printed().length < 2 && tries < 600; tries++) await pause(100);
  const printed = paper.printed().map((one) => one.text);
  assert.equal(printed.filter((one) => one.includes("hello from outside")).length, 1, printed.join("\n"));
  assert.match(printed[1] ?? "", /and once more/);

  const ncl = (...args: string[]) => run(host, ...args);
  assert.match(ncl("approvals", "list"), /1\s+sender\s+granted/);
  assert.match(ncl("approvals", "show", "1"), /answered by\s+terminal:owner/);
  assert.match(ncl("messaging-groups", "list"), /paper:desk\s+request_approval\s+main\s+1/);
  assert.match(ncl("messaging-groups", "show", "paper:desk"), /members\s+paper:someone/);
  assert.equal((await host.call("audit.verify", {})).ok, true);
});

test("rules are granted, shown and explained on the command line, and hold over a restart", async (t) => {
  const host = await TestHost.start(t);
  await host.init();
  const ncl = (...args: string[]) => run(host, ...args);
  assert.match(
    ncl("rules", "grant", "main", "npm", "--dry-run"),
    new RegExp(`applied\\s+no[\\s\\S]*${NPM}\\s+GET, HEAD of`),
  );
  assert.equal(ncl("rules", "list"), "none\n");
  ncl("rules", "grant", "main", "npm");
  ncl("rules", "ask", "main", "api.example.org", "--method", "POST", "--path", "/v1/**");
  ncl("rules", "tunnel", "main", "ssh.example.org", "--port", "22");
  await host.kill("SIGKILL");
  await host.up();
  const reach = ncl("reach", "main");
  assert.match(reach, new RegExp(`${NPM}\\s+GET, HEAD of .*allowed\\s+bundle npm`));
  assert.match(reach, /api\.example\.org\s+POST of \/v1\/\*\*\s+a person is asked each time\s+rule \d+/);
  assert.match(reach, /ssh\.example\.org:22\s+anything\s+passed on, contents unseen/);
  assert.match(ncl("reach", "main", "https://api.example.org/v1/x", "--method", "POST"), /decision\s+asked about/);
  assert.match(ncl("reach", "main", "https://example.com/"), /ncl rules allow main example\.com/);
  assert.throws(() => ncl("rules", "allow", "main", "*.example.org", "--private-network"), /one host at a time/);
  assert.throws(() => ncl("rules", "allow", "main", "example.org", "--credential", "none"), /no credential "none"/);
});

function run(host: TestHost, ...args: string[]): string {
  return execFileSync(process.execPath, [resolve(import.meta.dirname, "../../cli/ncl.ts"), ...args], {
    env: { ...process.env, NANOCLAW_DATA: host.paths.data, NANOCLAW_RUN: host.paths.run },
    encoding: "utf8",
    stdio: "pipe",
  });
}

/** A room of the paper platform in which the agent listens, and where unknown people have to be let in. */
function furnish(host: TestHost): void {
  const store = openStore(host.paths.database);
  const [group] = store.groups.agentGroups();
  assert.ok(group);
  const id = ROOM as Parameters<typeof store.groups.wire>[0];
  store.groups.addMessagingGroup({ id, channel: "paper", chat: "desk", unknownSenderPolicy: "request_approval" });
  store.groups.wire(id, { agentGroup: group.id, engageMode: "always", sessionMode: "shared" });
  store.db.close();
}
