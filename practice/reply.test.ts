import assert from "node:assert/strict";
import { test } from "node:test";
import type { Message, MessagesRequest, Reply } from "./messages.ts";
import { MARK, reply } from "./reply.ts";

const TOOLS = ["Bash", "Read", "Write"].map((name) => ({ name }));

function request(messages: Message[], extra: Partial<MessagesRequest> = {}): MessagesRequest {
  return { model: "practice", max_tokens: 1000, tools: TOOLS, messages, ...extra };
}

const user = (content: Message["content"]): Message => ({ role: "user", content });
const text = (said: Reply) => said.blocks.map((block) => (block.type === "text" ? block.text : "")).join("");
const tool = (said: Reply) => said.blocks.find((block) => block.type === "tool_use");
const framed = (words: string, name = "Ada", code = "k3x9") =>
  `<message-${code} from="${name}" sent="Mon, 23 Nov 2026, 20:11">\n${words}\n</message-${code}>`;
/** What the assistant's tool call and its result look like when the request comes again. */
const toolDone = (output: string, failed = false): Message[] => [
  { role: "assistant", content: [{ type: "tool_use", id: "t1", name: "Bash", input: {} }] },
  user([{ type: "tool_result", tool_use_id: "t1", content: output, is_error: failed }]),
];

const says: [asked: string, answer: RegExp][] = [
  ["Hello there", /^\[practice model\] Hello! .*\/help/],
  ["/help", /- `what is in the workspace\?`: .*\n[\s\S]*tell me a story/],
  ["what can you do?", /- `run id`/],
  ["tell me a story", /^\[practice model\] Once there was a crab/],
  ["count to 5", /1 2 3 4 5$/],
  ["say good evening", /good evening$/],
  ["my name is Zoë", /Hello Zoë/],
  ["what is my name?", /have not told me/],
  ["thanks!", /welcome/],
  ["the answer is 42", /heard 4 word\(s\): "the answer is 42"/],
];
for (const [asked, answer] of says) {
  test(`"${asked}" is answered in words, marked as the practice model's, with and without a frame`, () => {
    for (const words of [asked, framed(asked)]) {
      const said = text(reply(request([user(words)])));
      assert.match(said, answer);
      assert.ok(said.startsWith(MARK));
    }
  });
}

const acts: [asked: string, name: string, input: Record<string, string | RegExp>][] = [
  ["what is in the workspace?", "Bash", { command: "ls -la" }],
  ["list the files please", "Bash", { command: "ls -la" }],
  ["read notes.md", "Read", { file_path: "/workspace/notes.md" }],
  ["show me the file /etc/hostname", "Read", { file_path: "/etc/hostname" }],
  ["what time is it?", "Bash", { command: "date" }],
  ["run id", "Bash", { command: "id" }],
  ["work for 20 seconds", "Bash", { command: "sleep 20; echo done" }],
  ["work for 99999 seconds", "Bash", { command: "sleep 110; echo done" }],
  ["write a note: it's milk", "Bash", { command: /^printf '%s\\n' 'it'\\''s milk' >> notes\.md/ }],
];
for (const [asked, name, input] of acts) {
  test(`"${asked}" uses ${name}`, () => {
    const call = tool(reply(request([user(framed(asked))])));
    assert.equal(call?.name, name);
    for (const [key, value] of Object.entries(input)) {
      if (typeof value === "string") assert.equal(call?.input[key], value);
      else assert.match(String(call?.input[key]), value);
    }
  });
}

test("a tool's result is shown in a fence that it can't close, and a failure as one", () => {
  const asked = user(framed("run id"));
  assert.match(text(reply(request([asked, ...toolDone("uid=1000\n```")]))), /````\nuid=1000\n```\n````$/);
  assert.match(
    text(reply(request([asked, ...toolDone("no such thing", true)]))),
    /did not work:\n\n```\nno such thing/,
  );
});

test("a tool that was not offered is never called", () => {
  const said = reply(request([user(framed("run id"))], { tools: [{ name: "Read" }] }));
  assert.equal(tool(said), undefined);
  assert.match(text(said), /did not offer/);
});

test("without Read, files are read with Bash", () => {
  const said = reply(request([user("read a'b.txt")], { tools: [{ name: "Bash" }] }));
  assert.equal(tool(said), undefined, "a quote ends the path");
  assert.equal(
    tool(reply(request([user("read a.txt")], { tools: [{ name: "Bash" }] })))?.input.command,
    "cat -- 'a.txt'",
  );
});

test("files are looked for in the working directory that the agent names", () => {
  const place = { role: "system", content: "# Environment\n - Primary working directory: /home/agent/x\n" } as const;
  assert.equal(tool(reply(request([user("read a.md"), place])))?.input.file_path, "/home/agent/x/a.md");
});

test("follow-ups that the agent hands over while a tool runs are answered in the same turn, in order", () => {
  const frame = (words: string) =>
    `The user sent a new message while you were working:\n${words}\n\nThis is how it goes.`;
  const follow = {
    role: "system",
    content: `${frame(framed("my name is Ada"))}\n\n${frame(framed("what is my name?", "B", "q"))}`,
  };
  const plain = { role: "system", content: `${frame("my name is Ada")}\n\n${frame("what is my name?")}` };
  const old = { role: "user", content: `<system-reminder>${frame(framed("my name is Ada"))}</system-reminder>` };
  for (const message of [follow, plain, old] as Message[]) {
    const said = text(reply(request([user(framed("work for 5 seconds")), ...toolDone("done"), message])));
    assert.match(said, /worked for 5 seconds[\s\S]*Hello Ada/);
    if (message !== old) assert.match(said, /Your name is Ada/);
  }
});

test("two asks that need tools use them one after the other", () => {
  const asks = user(`${framed("run id")}\n\n${framed("what time is it?")}`);
  assert.equal(tool(reply(request([asks])))?.input.command, "id");
  assert.equal(tool(reply(request([asks, ...toolDone("uid=1")])))?.input.command, "date");
  assert.match(text(reply(request([asks, ...toolDone("uid=1"), ...toolDone("noon")]))), /uid=1[\s\S]*noon/);
});

test("it remembers what earlier turns said", () => {
  const before: Message[] = [
    user(framed("my name is Ada")),
    { role: "assistant", content: "[practice model] Hello Ada" },
  ];
  assert.match(text(reply(request([...before, user(framed("what is my name?"))]))), /Your name is Ada/);
  assert.match(text(reply(request([...before, user(framed("what did I say?"))]))), /- my name is Ada/);
});

test("an interrupted turn is over: its asks are not taken up with the next", () => {
  const messages = [
    user(framed("work for 20 seconds")),
    ...toolDone("interrupted", true),
    user([{ type: "text", text: "[Request interrupted by user for tool use]" }]),
    user(framed("hello")),
  ];
  assert.match(text(reply(request(messages))), /^\[practice model\] Hello!/);
});

test("reminders of the agent are no asks", () => {
  const reminder = { type: "text", text: "<system-reminder>\nrun id\n</system-reminder>" };
  assert.equal(tool(reply(request([user([reminder, { type: "text", text: "hello" }])]))), undefined);
  assert.match(text(reply(request([user([reminder])]))), /heard nothing/);
});

test("a welcome that the system asks for is a welcome; other notices are acknowledged", () => {
  const notice = (words: string) => user(`<nanoclaw-k1 sent="x">\n${words}\n</nanoclaw-k1>`);
  assert.match(text(reply(request([notice("Write a short welcome message to the owner.")]))), /Welcome to NanoClaw!/);
  assert.match(
    text(reply(request([notice("An earlier turn over this was cut off before it could answer")]))),
    /take it up again/,
  );
  assert.match(text(reply(request([notice("The moon rose.")]))), /I was told: "The moon rose\."/);
});

test("what goes with a message, as receipts do, gets no answer of its own", () => {
  const receipts = "<nanoclaw-k1>\nWhat became of what you sent:\n- Message 3 was sent.\n</nanoclaw-k1>";
  const said = text(reply(request([user(`${receipts}\n\n<message-k1 number="4" from="Ann">\nhello\n</message-k1>`)])));
  assert.doesNotMatch(said, /I was told/);
});

test("a request for data gets data of that shape", () => {
  const schema = { type: "object", properties: { title: { type: "string" }, kind: { enum: ["a", "b"] } } };
  const said = reply(request([user("hello")], { output_config: { format: { type: "json_schema", schema } } }));
  assert.deepEqual(JSON.parse(text(said)), { title: "practice model", kind: "a" });
});
