/** What the model's side can do wrong, each seen by the person as a message that says what happened and what to do. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { TestHost } from "../support/host.ts";
import { type Scripted, startScriptedModel } from "../support/model.ts";

/** A host whose model says what the last message asks for, with a credential that the model sees. */
async function given(t: Parameters<typeof TestHost.start>[0]) {
  const behaviours: Record<string, Scripted> = {
    revoked: { status: 401, message: "the key was revoked" },
    limited: { status: 429, message: "your limit is reached" },
    overloaded: { status: 529, message: "Overloaded" },
    malformed: { raw: "event: message_start\ndata: {not json}\n\n" },
    truncated: { truncate: "half a sen" },
    reset: { reset: "half a word" },
  };
  const model = await startScriptedModel({
    script: ({ raw }) => {
      // The newest word in the request decides: earlier ones are history.
      const newest = Object.keys(behaviours)
        .map((word) => ({ word, at: raw.lastIndexOf(`please be ${word}`) }))
        .sort((a, b) => b.at - a.at)[0];
      const fine = raw.lastIndexOf("please be fine");
      if (!newest || fine >= newest.at) return { say: "all is well" };
      return behaviours[newest.word] ?? { say: "all is well" };
    },
  });
  t.after(() => model.close());
  const host = await TestHost.start(t);
  await host.initWithModel(model);
  return { host, model };
}

test("each trouble of the model ends in a notice with its cause, and the next message is answered", async (t) => {
  const { host } = await given(t);
  for (const [word, expected] of [
    ["revoked", /refused the credential.*ncl credentials set/s],
    ["limited", /limit/],
    ["overloaded", /overloaded/],
    ["malformed", /couldn't answer/],
    ["truncated", /couldn't answer|half a sen/],
    ["reset", /couldn't answer/],
  ] as const) {
    const trouble = await host.ask(`please be ${word}`, "main", 45_000);
    assert.match(trouble.text, expected, word);
    const fine = await host.ask("please be fine", "main", 45_000);
    assert.equal(fine.text, "all is well", `after ${word}`);
  }
});

test("a model that can't be reached is said within half a minute, and the session lives on", async (t) => {
  const { host, model } = await given(t);
  const { address } = model;
  await model.close();
  const trouble = await host.ask("anyone?", "main", 35_000);
  assert.match(trouble.text, /can't be reached/);
  const back = await startScriptedModel({ script: () => ({ say: "back again" }), port: Number(new URL(address).port) });
  t.after(() => back.close());
  assert.equal((await host.ask("and now?", "main", 45_000)).text, "back again");
});

test("the model gets the key, the container never does", async (t) => {
  const { host, model } = await given(t);
  await host.ask("please be fine");
  const request = model.requests.at(-1);
  assert.equal(request?.headers["x-api-key"], "word-for-tests");
  assert.equal(request?.headers.authorization, undefined);
  assert.equal(JSON.stringify(request?.body).includes("word-for-tests"), false);
  assert.equal(host.logTail().includes("word-for-tests"), false);
});

test("a wrong key is refused when it is set, and not kept", async (t) => {
  const api = createServer((_request, response) => {
    const error = { type: "error", error: { type: "authentication_error", message: "invalid x-api-key" } };
    response.writeHead(401, { "content-type": "application/json" }).end(JSON.stringify(error));
  });
  await once(api.listen(0, "127.0.0.1"), "listening");
  t.after(() => api.close());
  const host = await TestHost.start(t);
  const { port } = api.address() as AddressInfo;
  await host.call("model.use", { model: "anthropic", address: `http://127.0.0.1:${port}` });
  const verdict = await host.call("credentials.set", { name: "anthropic", kind: "api_key", secret: "wrong-one" });
  assert.equal(verdict.check, "bad");
  assert.match(verdict.detail, /invalid x-api-key/);
  assert.deepEqual(await host.call("credentials.list", {}), []);
});

test("without a credential the person is told how to set one", async (t) => {
  const host = await TestHost.start(t);
  await host.call("model.use", { model: "anthropic" });
  await host.init("claude");
  const [first] = await host.follow((all) => all.length > 0, "main", 40_000);
  assert.equal(first?.author, "system");
  assert.match(first?.text ?? "", /credential/);
});
