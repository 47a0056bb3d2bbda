/** The real agent SDK against a scripted model: what the provider contract promises, shown on the wire. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { textOf } from "../../../practice/messages.ts";
import {
  type RecordedRequest,
  type Script,
  type Scripted,
  type ScriptedModel,
  startScriptedModel,
} from "../../../test/support/model.ts";
import type { Provider, ProviderEvent, ProviderOptions } from "../../runner/providers/provider.ts";
import { openClaude } from "./claude.ts";
import { defaultLimits, type Limits } from "./patience.ts";

interface Stage {
  model: ScriptedModel;
  provider: Provider;
  events: ProviderEvent[];
  /** Waits for the first event from position `from` on that fits. */
  until<T extends ProviderEvent["type"]>(type: T, from?: number): Promise<Extract<ProviderEvent, { type: T }>>;
  taken(): string[];
}

let home = "";
before(() => {
  home = mkdtempSync(join(tmpdir(), "claude-test-"));
  process.env.HOME = home;
});
after(() => rmSync(home, { recursive: true, force: true, maxRetries: 5 }));

async function onStage(
  script: Script,
  play: (stage: Stage) => Promise<void>,
  options: Partial<ProviderOptions> & { limits?: Partial<Limits> } = {},
): Promise<void> {
  const model = await startScriptedModel({ script });
  const events: ProviderEvent[] = [];
  let heard = Promise.withResolvers<void>();
  const provider = await openClaude(
    {
      instructions: "You help.",
      model: null,
      mcpServers: {},
      tools: [],
      continuation: null,
      relayUrl: model.address,
      workspace: home,
      stateDir: join(home, "state"),
      modelRetries: 0,
      emit(event) {
        events.push(event);
        heard.resolve();
        heard = Promise.withResolvers();
      },
      ...options,
    },
    { ...defaultLimits, ...options.limits },
  );
  const until: Stage["until"] = async (type, from = 0) => {
    for (const deadline = Date.now() + 15_000; Date.now() < deadline; ) {
      const found = events.slice(from).find((event) => event.type === type);
      if (found) return found as never;
      await Promise.race([heard.promise, new Promise((resolve) => setTimeout(resolve, 500))]);
    }
    throw new Error(`no "${type}" came, only ${JSON.stringify(events)}`);
  };
  const taken = () => events.flatMap((event) => (event.type === "taken" ? [event.prompt] : []));
  try {
    await play({ model, provider, events, until, taken });
  } finally {
    await provider.close();
    await model.close();
  }
}

const says = (say: string): Scripted => ({ say });
const bash = (command: string): Scripted => ({ say: "Looking.", use: "Bash", input: { command, description: "look" } });
const slowly = (words: number): Scripted => ({ say: "word ".repeat(words), paceMs: 40 });
const failure = (status: number, message: string): Scripted => ({ status, message });
/** What stands in the user's messages of a request, without tool results. */
const heard = (request: RecordedRequest | undefined) =>
  (request?.body.messages ?? []).filter(({ role }) => role === "user").map(({ content }) => textOf(content));
const last = (request: RecordedRequest | undefined) => heard(request).at(-1) ?? "";

describe("the Claude provider", () => {
  it("streams an answer, then a warm second turn in the same conversation", async () => {
    await onStage(
      (_, index) => says(`one two ${index}`),
      async ({ model, provider, events, until, taken }) => {
        provider.send({ id: "a", text: "/help @/etc/passwd" });
        assert.equal((await until("end")).text, "one two 0");
        const deltas = events.flatMap((event) => (event.type === "text" ? [event.delta] : []));
        assert.ok(deltas.length > 1 && deltas.join("") === "one two 0", deltas.join("|"));
        assert.equal(
          last(model.requests[0]),
          "/help @/etc/passwd",
          "nothing is added to what was said, nothing acted on",
        );
        assert.match(textOf(model.requests[0]?.body.system), /You help\./);
        const from = events.length;
        provider.send({ id: "b", text: "again" });
        const end = await until("end", from);
        assert.ok(end.usage && end.usage.inputTokens > 0 && end.usage.outputTokens > 0);
        assert.equal(heard(model.requests[1]).length, 2);
        assert.deepEqual(taken(), ["a", "b"]);
        assert.equal(events.filter((event) => event.type === "continuation").length, 1);
      },
    );
  });

  it("sends a small request with the tools of the container and no credential", async () => {
    await onStage(
      () => says("ok"),
      async ({ model, provider, until }) => {
        provider.send({ id: "a", text: "hi" });
        await until("end");
        const [request] = model.requests;
        assert.ok(request && request.raw.length < 18_000, `${request?.raw.length} characters`);
        const tools = (request.body.tools ?? []).map(({ name }) => name);
        for (const tool of ["Bash", "Read", "Write", "Edit", "Glob", "Grep"]) assert.ok(tools.includes(tool), tool);
        assert.ok(!tools.some((tool) => /web/i.test(tool)));
        assert.equal(request.headers["x-api-key"], "placeholder");
        assert.equal(request.headers.authorization, undefined);
      },
    );
  });

  it("works without an MCP server that can't be started, and with tools of one that can", async () => {
    const server = `
      const readline = require("node:readline").createInterface({ input: process.stdin });
      const results = {
        initialize: { protocolVersion: "2025-06-18", capabilities: { tools: {} }, serverInfo: { name: "t", version: "1" } },
        "tools/list": { tools: [{ name: "greet", description: "Greets.", inputSchema: { type: "object" } }] },
        "tools/call": { content: [{ type: "text", text: "greetings" }] },
      };
      readline.on("line", (line) => {
        const { id, method } = JSON.parse(line);
        if (id !== undefined) console.log(JSON.stringify({ jsonrpc: "2.0", id, result: results[method] ?? {} }));
      });`;
    await onStage(
      (_, index) => (index === 0 ? { use: "mcp__good__greet", input: {} } : says("ok")),
      async ({ model, provider, until }) => {
        await new Promise((resolve) => setTimeout(resolve, 1000));
        provider.send({ id: "a", text: "hi" });
        assert.equal((await until("end")).text, "ok");
        assert.ok((await until("tool_ended")).ok);
        assert.match(model.requests[1]?.raw ?? "", /greetings/);
      },
      {
        mcpServers: {
          good: { command: process.execPath, args: ["-e", server] },
          bad: { command: "/no/such/program", args: [] },
        },
      },
    );
  });

  it("offers the tools of the host, and tells their answers as they are", async () => {
    const schema = { type: "object", properties: { to: { type: "string", maxLength: 9 } }, required: ["to"] };
    const calls: unknown[] = [];
    const call = async (args: Record<string, unknown>) => {
      calls.push(args);
      return { ok: args.to === "Ann", text: args.to === "Ann" ? "sent as 42" : "nobody of that name" };
    };
    const tools = [{ name: "send_message", description: "Says something.", schema, call }];
    const script: Script = (_, index) => {
      if (index === 3) return bash("kill -9 $PPID; sleep 5");
      const to = ["Ann", "Bob", "", "", "Ann"][index];
      return to ? { use: "mcp__nanoclaw__send_message", input: { to } } : says("done");
    };
    await onStage(
      script,
      async ({ model, provider, events, until }) => {
        provider.send({ id: "a", text: "tell them" });
        await until("end");
        const offered = model.requests[0]?.body.tools?.find(({ name }) => name === "mcp__nanoclaw__send_message");
        assert.deepEqual((offered as { input_schema?: unknown } | undefined)?.input_schema, schema);
        assert.deepEqual(calls, [{ to: "Ann" }, { to: "Bob" }]);
        const results = model.requests.slice(1).map(({ raw }) => raw);
        assert.match(results[0] ?? "", /sent as 42/);
        assert.match(results[1] ?? "", /nobody of that name/);
        const started = events.flatMap((event) => (event.type === "tool_started" ? [event] : []));
        assert.deepEqual(
          started.map(({ name, limit }) => [name, limit]),
          [
            ["send_message", null],
            ["send_message", null],
          ],
        );
        assert.notEqual(started[0]?.same, started[1]?.same);
        assert.deepEqual(
          events.flatMap((event) => (event.type === "tool_ended" ? [event.ok] : [])),
          [true, false],
        );
        const from = events.length;
        provider.send({ id: "b", text: "end your process" });
        await until("error", from);
        provider.send({ id: "c", text: "and again" });
        await until("end", from);
        assert.equal(calls.length, 3, "they are there in the next process too");
      },
      { tools },
    );
  });

  it("tells which calls are the same, and the time that a tool gives itself", async () => {
    await onStage(
      (_, index) => {
        const input = { command: "true", ...(index === 2 && { timeout: 90_000 }) };
        return index < 3 ? { use: "Bash", input } : says("done");
      },
      async ({ provider, events, until }) => {
        provider.send({ id: "a", text: "go" });
        await until("end");
        const started = events.flatMap((event) => (event.type === "tool_started" ? [event] : []));
        assert.match(started[0]?.same ?? "", /^[0-9a-f]{16}$/);
        assert.equal(started[0]?.same, started[1]?.same);
        assert.notEqual(started[0]?.same, started[2]?.same);
        assert.deepEqual(
          started.map(({ limit }) => limit),
          [null, null, 90_000],
        );
      },
    );
  });

  it("runs a tool and hands its result to the model", async () => {
    await onStage(
      (_, index) => (index === 0 ? bash("echo from-the-shell") : says("done")),
      async ({ model, provider, events, until }) => {
        provider.send({ id: "a", text: "look" });
        assert.equal((await until("end")).text, "done");
        assert.match(model.requests[1]?.raw ?? "", /from-the-shell/);
        const types = events.map((event) => event.type).filter((type) => type !== "continuation" && type !== "alive");
        assert.deepEqual(types, ["taken", "text", "tool_started", "tool_ended", "text_reset", "text", "end"]);
        const started = await until("tool_started");
        assert.deepEqual([started.name, started.summary], ["Bash", "echo from-the-shell"]);
        assert.ok((await until("tool_ended")).ok);
      },
    );
  });

  it("folds follow-ups into the running turn at the next tool boundary", async () => {
    await onStage(
      (_, index) => (index === 0 ? bash("sleep 0.6") : says(`answer ${index}`)),
      async ({ model, provider, events, until, taken }) => {
        provider.send({ id: "a", text: "first" });
        await until("tool_started");
        provider.send({ id: "b", text: "second" });
        provider.send({ id: "c", text: "third" });
        assert.equal((await until("end")).text, "answer 1");
        assert.deepEqual(taken(), ["a", "b", "c"]);
        assert.equal(model.requests.length, 2);
        assert.match(model.requests[1]?.raw ?? "", /second.*third/s);
        await new Promise((resolve) => setTimeout(resolve, 300));
        assert.equal(events.filter((event) => event.type === "end").length, 1, "one result for all three");
      },
    );
  });

  it("goes on by itself with follow-ups that came after the last tool boundary", async () => {
    await onStage(
      (_, index) => (index === 0 ? slowly(10) : says("second answer")),
      async ({ model, provider, events, until, taken }) => {
        provider.send({ id: "a", text: "first" });
        await until("text");
        provider.send({ id: "b", text: "late" });
        provider.send({ id: "c", text: "later" });
        await until("end");
        assert.deepEqual(taken(), ["a"], "not taken up by the turn that had ended");
        assert.equal((await until("end", events.length)).text, "second answer");
        assert.deepEqual(taken(), ["a", "b", "c"]);
        assert.equal(model.requests.length, 2);
      },
    );
  });

  it("stops at once with the text so far, takes follow-ups along, and works again", async () => {
    await onStage(
      (_, index) => (index === 0 ? slowly(100) : says("back")),
      async ({ model, provider, events, until }) => {
        provider.send({ id: "a", text: "first" });
        await until("text");
        provider.send({ id: "b", text: "never mind" });
        const asked = Date.now();
        provider.interrupt();
        assert.match((await until("stopped")).text, /^word /);
        assert.ok(Date.now() - asked < 1000);
        const from = events.length;
        provider.send({ id: "c", text: "next" });
        assert.equal((await until("end", from)).text, "back");
        assert.equal(model.requests.length, 2);
        assert.doesNotMatch(model.requests[1]?.raw ?? "", /never mind/);
      },
    );
  });

  it("stops a prompt that it was given this very moment, cold or warm", async () => {
    await onStage(
      () => says("ok"),
      async ({ model, provider, events, until }) => {
        provider.send({ id: "a", text: "cold" });
        provider.interrupt();
        await until("stopped");
        provider.send({ id: "b", text: "works" });
        await until("end");
        const from = events.length;
        provider.send({ id: "c", text: "warm" });
        provider.interrupt();
        await until("stopped", from);
        assert.equal(events.filter((event) => event.type === "end").length, 1);
        assert.ok(model.requests.length <= 2);
      },
    );
  });

  it("stops a tool that runs", async () => {
    await onStage(
      (_, index) => (index === 0 ? bash("sleep 20") : says("ok")),
      async ({ provider, until }) => {
        provider.send({ id: "a", text: "sleep" });
        await until("tool_started");
        provider.interrupt();
        await until("stopped");
        assert.equal((await until("tool_ended")).ok, false);
      },
    );
  });

  it("takes its conversation up again in a new process", async () => {
    let continuation = "";
    await onStage(
      () => says("noted"),
      async ({ provider, until }) => {
        provider.send({ id: "a", text: "remember 42" });
        await until("end");
        continuation = (await until("continuation")).value;
      },
    );
    await onStage(
      () => says("it was 42"),
      async ({ model, provider, until }) => {
        provider.send({ id: "b", text: "what was it?" });
        await until("end");
        assert.deepEqual(heard(model.requests[0]), ["remember 42", "what was it?"]);
      },
      { continuation },
    );
  });

  it("begins anew, and says so to the agent, where the conversation is gone", async () => {
    for (const pause of [0, 1200]) {
      await onStage(
        () => says("hello"),
        async ({ model, provider, until }) => {
          await new Promise((resolve) => setTimeout(resolve, pause));
          provider.send({ id: "a", text: "hi" });
          await until("end");
          assert.match(last(model.requests[0]), /^\(The earlier conversation could not be taken up again.*hi$/s);
          await until("continuation");
        },
        { continuation: "6f1c1d4e-0000-4000-8000-000000000000" },
      );
    }
  });

  it("fails the turn when its process dies, and starts another for what was not taken up", async () => {
    await onStage(
      (_, index) => (index === 0 ? bash("kill -9 $PPID; sleep 5") : says("alive")),
      async ({ provider, events, until }) => {
        provider.send({ id: "a", text: "first" });
        await until("taken");
        provider.send({ id: "b", text: "second" });
        const died = await until("error");
        assert.equal(died.class, "bug");
        await until("end", events.indexOf(died));
        provider.send({ id: "c", text: "third" });
        assert.equal((await until("end", events.length)).text, "alive");
      },
    );
  });
});

describe("an agent process that hangs", () => {
  it("before it takes up a prompt is replaced, and the prompt's turn fails", async () => {
    await onStage(
      (_, index) => (index === 0 ? bash("(sleep 0.5; kill -STOP $PPID) >/dev/null 2>&1 &") : says("fine")),
      async ({ provider, events, until }) => {
        provider.send({ id: "a", text: "first" });
        await until("end");
        await new Promise((resolve) => setTimeout(resolve, 1000));
        const from = events.length;
        provider.send({ id: "b", text: "second" });
        assert.equal((await until("error", from)).class, "unreachable");
        provider.send({ id: "c", text: "third" });
        assert.equal((await until("end", from)).text, "fine");
      },
      { limits: { silence: 4000, stopping: 500 } },
    );
  });
});

describe("a failing model", () => {
  const cases: [string, Scripted, string, RegExp][] = [
    ["a refused credential", failure(401, "invalid x-api-key"), "auth", /Invalid API key/],
    ["a missing permission", failure(403, "no access"), "auth", /no access/],
    [
      "a refusal by the gateway",
      failure(403, "The NanoClaw gateway refused POST /v1/messages: no"),
      "refused",
      /gateway/,
    ],
    ["a reached limit", failure(429, "limit reached"), "quota", /limit reached/],
    ["an empty account", failure(400, "Your credit balance is too low"), "quota", /balance/],
    ["an overloaded model", failure(529, "Overloaded"), "overload", /^529 Overloaded$/],
    ["a server error", failure(500, "Internal"), "overload", /^500 Internal$/],
    ["an unreachable upstream", failure(502, "no route"), "unreachable", /^502 no route$/],
    ["a bad request", failure(400, "messages: bad"), "refused", /bad/],
    ["an unknown model", failure(404, "model: x"), "refused", /model/],
    ["a stream that is none", { raw: "no event stream\n\n" }, "unreachable", /^Stream ended/],
    ["a stream of broken JSON", { raw: "event: message_start\ndata: {broken\n\n" }, "unreachable", /JSON/],
    ["an empty stream", { raw: "" }, "unreachable", /^Stream ended/],
    ["a stream that is cut", { truncate: "half an ans" }, "unreachable", /stream|incomplete|ended/i],
    ["a connection that is reset", { reset: "half an ans" }, "unreachable", /./],
  ];
  it("fails its turn by who must act, and each time the provider works on", async () => {
    let reply = says("");
    await onStage(
      () => reply,
      async ({ provider, events, until }) => {
        for (const [name, failing, kind, words] of cases) {
          let from = events.length;
          reply = failing;
          provider.send({ id: name, text: "hi" });
          const error = await until("error", from);
          assert.equal(error.class, kind, `${name}: ${error.message}`);
          assert.match(error.message, words, name);
          assert.doesNotMatch(error.message, /127\.0\.0\.1|external API key|proxy/, name);
          from = events.length;
          reply = says("well again");
          provider.send({ id: `after ${name}`, text: "again" });
          assert.equal((await until("end", from)).text, "well again", name);
        }
      },
    );
  });

  it("that can't be reached ends the turn soon, also with retries", async () => {
    const free = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => free.once("listening", resolve));
    const address = free.address();
    await new Promise((resolve) => free.close(resolve));
    const relayUrl = `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`;
    const options = { relayUrl, modelRetries: 10, limits: { retrying: 3000 } };
    await onStage(
      () => says(""),
      async ({ provider, until }) => {
        provider.send({ id: "a", text: "hi" });
        const asked = Date.now();
        assert.equal((await until("error")).class, "unreachable");
        assert.ok(Date.now() - asked < 6000);
      },
      options,
    );
  });

  it("that falls silent ends the turn, at its first word or in the middle", async () => {
    for (const reply of [{ stall: "" }, { stall: "half an ans" }]) {
      await onStage(
        (_, index) => (index === 0 ? reply : says("well again")),
        async ({ provider, events, until }) => {
          provider.send({ id: "a", text: "hi" });
          const error = await until("error");
          assert.deepEqual([error.class, error.message], ["unreachable", "the model has not said anything for 4 s"]);
          provider.send({ id: "b", text: "again" });
          assert.equal((await until("end", events.length)).text, "well again");
        },
        { limits: { silence: 4000 } },
      );
    }
  });

  it("leaves follow-ups to the next turn", async () => {
    let broken = true;
    await onStage(
      () => (broken ? { stall: "" } : says("well again")),
      async ({ provider, events, until, taken }) => {
        provider.send({ id: "a", text: "first" });
        await until("taken");
        provider.send({ id: "b", text: "second" });
        setTimeout(() => {
          broken = false;
        }, 500);
        const error = await until("error");
        assert.deepEqual(taken(), ["a"]);
        await until("end", events.indexOf(error));
        assert.deepEqual(taken(), ["a", "b"]);
      },
      { limits: { silence: 4000 } },
    );
  });

  it("that finds the conversation too long makes the next message open a new one", async () => {
    const long = failure(400, "prompt is too long: 250000 tokens > 200000 maximum");
    await onStage(
      (_, index) => (index === 0 ? long : says("fresh")),
      async ({ model, provider, events, until }) => {
        provider.send({ id: "a", text: "long" });
        assert.equal((await until("error")).class, "context");
        provider.send({ id: "b", text: "again" });
        await until("end", events.length);
        assert.equal(heard(model.requests.at(-1)).length, 1);
        assert.match(last(model.requests.at(-1)), /this is a new one/);
      },
    );
  });
});
