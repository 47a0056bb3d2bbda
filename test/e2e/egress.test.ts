/**
 * The way to the network as a person meets it: a real host, a real container, curl in it, and a server outside. Rules,
 * questions, credentials, the guard and the audit log together; only the model's words are scripted.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { TestHost } from "../support/host.ts";
import { obedient, startScriptedModel } from "../support/model.ts";

/** Loopback is the container's own unless curl is told otherwise: a server outside needs the proxy and a rule. */
const CURL = `curl -sS -m 100 --noproxy '' -w '|%{http_code}'`;

async function given(t: TestContext) {
  const model = await startScriptedModel({ script: obedient });
  t.after(() => model.close());
  const heard: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    heard.push(request);
    response.end(`hello ${request.method}`);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const host = await TestHost.start(t);
  await host.initWithModel(model);
  const run = (command: string) => host.ask(`run: ${command}<<<`).then(({ text }) => text);
  const address = `http://127.0.0.1:${port}`;
  const rule = { group: "main", host: "127.0.0.1", scheme: "http", port, privateNetwork: true } as const;
  return { host, heard, run, address, rule };
}

test("an agent reaches what a rule allows, is asked about what a rule says to ask, and is told why else", async (t) => {
  const { host, heard, run, address, rule } = await given(t);
  const refused = await run(`${CURL} ${address}/a`);
  assert.match(refused, /no rule is about it.*ncl rules allow main 127\.0\.0\.1.*\|403/s);
  assert.equal(heard.length, 0);
  await host.call("rules.allow", { ...rule, method: "GET" });
  assert.match(await run(`${CURL} ${address}/a`), /hello GET\|200/);
  assert.match(await run(`${CURL} -d x ${address}/a`), /\|403/, "the rule is about GET");

  await host.call("rules.ask", { ...rule, method: "POST", path: "/ask" });
  const asking = host.say(`run: ${CURL} -d amount=5 ${address}/ask<<<`);
  const asked = await host.follow((all) => all.some(({ text }) => /wants to send a request/.test(text)));
  const question = asked.find(({ text }) => /wants to send a request/.test(text))?.text ?? "";
  assert.match(question, new RegExp(`POST ${address}/ask`));
  const [, id = ""] = /\/approve (\d+) 1/.exec(question) ?? [];
  await host.say(`/approve ${id} 1`);
  assert.match((await host.answer(await asking)).text, /hello POST\|200/);
  assert.equal(heard.filter(({ method }) => method === "POST").length, 1);

  const records = await host.call("audit.list", { limit: 1000 });
  const about = (verb: string) => records.filter((record) => record.verb === verb);
  assert.deepEqual(
    about("egress.post").map(({ decision }) => decision),
    ["deny", "allow", "fact"],
    "refused; then its intent and its outcome",
  );
  assert.ok(about("approvals.answer").length > 0);
  assert.equal((await host.call("audit.verify", {})).ok, true);
});

test("a credential goes on the wire and never into the container, and its placeholder goes nowhere else", async (t) => {
  const { host, heard, run, address, rule } = await given(t);
  const secret = `secret-${Math.random().toString(36).slice(2)}`;
  const stored = { name: "service", kind: "bearer", secret, variable: "SERVICE_TOKEN" } as const;
  await host.call("credentials.set", stored);
  await host.call("rules.allow", { ...rule, path: "/with-key/**", credential: "service" });
  await host.call("rules.allow", { ...rule, path: "/plain/**" });
  // What stands for it comes with the next container.
  host.removeContainers();
  const seen = await run(`env | grep SERVICE_TOKEN`);
  assert.match(seen, /SERVICE_TOKEN=\S/);
  assert.ok(!seen.includes(secret));
  assert.match(await run(`${CURL} ${address}/with-key/a`), /hello GET\|200/);
  assert.equal(heard.at(-1)?.headers.authorization, `Bearer ${secret}`);
  assert.match(await run(`${CURL} -H "X-Key: $SERVICE_TOKEN" ${address}/with-key/b`), /hello GET\|200/);
  assert.equal(heard.at(-1)?.headers["x-key"], secret);
  const before = heard.length;
  assert.match(
    await run(`${CURL} -H "X-Key: $SERVICE_TOKEN" ${address}/plain/a`),
    /does not belong to this address.*\|403/s,
  );
  assert.equal(heard.length, before);
});
