import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { AgentTool } from "../../protocol/config.ts";
import { HostVerbs, type HostVerbsOptions } from "./host-verbs.ts";

const tool: AgentTool = { name: "send_message", verb: "messages.send", description: "Says it.", schema: {} };
const withFiles: AgentTool = { ...tool, schema: { properties: { files: { type: "array" } } } };

function verbs(more: Partial<HostVerbsOptions> = {}) {
  const asked: unknown[] = [];
  const all = new HostVerbs({
    ask(turn, verb, args) {
      asked.push([turn, verb, args]);
      return 11 + 2 * asked.length;
    },
    upload: async (path) => `id of ${path}`,
    ...more,
  });
  all.follow(7);
  const answer = (to: number, ok: boolean, text: string) =>
    all.answers([{ n: 2, body: { kind: "answer", to, ok, text } }]);
  return { all, asked, answer };
}
const soon = () => new Promise((resolve) => setTimeout(resolve, 5));

describe("a verb of the host as a tool", () => {
  it("asks for the turn that runs and gives each call the answer to its own row", async () => {
    const { all, asked, answer } = verbs();
    const first = all.tool(tool).call({ text: "a" });
    const second = all.tool(tool).call({ text: "b" });
    await soon();
    assert.deepEqual(asked[0], [7, "messages.send", { text: "a" }]);
    answer(15, false, "nobody there");
    answer(13, true, "sent");
    answer(13, false, "again");
    assert.deepEqual(await first, { ok: true, text: "sent" });
    assert.deepEqual(await second, { ok: false, text: "nobody there" });
  });

  it("does nothing while no turn runs", async () => {
    const { all, asked } = verbs();
    all.follow(null);
    const { ok, text } = await all.tool(tool).call({});
    assert.deepEqual([ok, asked], [false, []]);
    assert.match(text, /Nothing was done/);
  });

  it("gives up when nobody answers, and when its turn ends", async () => {
    const { all } = verbs({ answerTime: 30 });
    assert.match((await all.tool(tool).call({})).text, /not answered within 0.03 seconds/);
    const patient = verbs();
    const waiting = patient.all.tool(tool).call({});
    await soon();
    patient.all.follow(9);
    assert.match((await waiting).text, /The turn has ended: whether it was done is not known/);
  });

  it("refuses arguments that are too long or can't be a row", async () => {
    const { all, asked } = verbs();
    assert.match((await all.tool(tool).call({ text: "ä".repeat(60_000) })).text, /120011 bytes long/);
    assert.match((await all.tool(tool).call({ ["k".repeat(51)]: 1 })).text, /can't be sent/);
    assert.deepEqual(asked, []);
  });

  it("hands over files first, and asks with their ids; none where one can't be sent", async () => {
    const { all, asked, answer } = verbs();
    const sent = all.tool(withFiles).call({ text: "x", files: ["a", "b"] });
    await soon();
    assert.deepEqual(asked, [[7, "messages.send", { text: "x", files: ["id of a", "id of b"] }]]);
    answer(13, true, "");
    assert.ok((await sent).ok);
    assert.match((await all.tool(withFiles).call({ files: "a" })).text, /must be a list/);
    const poor = verbs({ upload: (path) => Promise.reject(new Error(`${path} is not there`)) });
    assert.deepEqual(await poor.all.tool(withFiles).call({ files: ["a"] }), {
      ok: false,
      text: "a is not there. Nothing was done.",
    });
    assert.deepEqual(poor.asked, []);
  });

  it("does not ask in the name of the next turn when its own has ended meanwhile", async () => {
    const { all, asked } = verbs({
      ask: (turn) => (turn === 7 ? null : 1),
    });
    const late = all.tool(tool).call({});
    assert.match((await late).text, /The turn has ended/);
    assert.deepEqual(asked, []);
  });
});
