import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type InboundRow, outboundBody } from "../../protocol/rows.ts";
import type { ProviderEvent } from "./providers/provider.ts";
import { type Effect, Turns } from "./turns.ts";

const message = (n: number, text = `text ${n}`, engages = true): InboundRow => ({
  n,
  body: {
    kind: "message",
    at: "2026-01-01T00:00:00Z",
    from: "A",
    author: "person",
    text,
    engages,
    attempt: 1,
    alreadyDone: [],
  },
});
const control = (n: number, action: "stop" | "rest"): InboundRow => ({ n, body: { kind: "control", action } });
const end: ProviderEvent = { type: "end", text: "answer", usage: null };
const fresh = (lastNumber = 0) => new Turns({ lastNumber, provider: "p", continuation: null });
const rowsOf = (effects: Effect[]) => effects.flatMap((effect) => (effect.do === "write" ? effect.rows : []));
const kinds = (effects: Effect[]) =>
  effects.flatMap((effect) =>
    effect.do === "write" ? effect.rows.map((row) => row.body.kind) : [effect.do as string],
  );
const sent = (effects: Effect[]) => effects.flatMap((effect) => (effect.do === "send" ? [effect.prompt] : []));
const acknowledged = (effects: Effect[]) =>
  rowsOf(effects).flatMap(({ body }) => (body.kind === "turn_ended" ? body.acknowledges : []));

describe("a turn", () => {
  it("is journalled before its prompt is sent, and acknowledges what it took up", () => {
    const turns = fresh();
    const begun = turns.rows([message(2), message(4)]);
    assert.deepEqual(kinds(begun), ["turn_started", "send"]);
    assert.deepEqual(rowsOf(begun)[0]?.body, { kind: "turn_started", inbound: [2, 4] });
    turns.event({ type: "taken", prompt: sent(begun)[0] ?? "" });
    const ended = turns.event(end);
    assert.deepEqual(acknowledged(ended), [2, 4]);
    assert.ok(ended[0]?.do === "write" && ended[0].clear);
  });

  it("is not started by context alone; context rides along with the next message that engages", () => {
    const turns = fresh();
    assert.deepEqual(turns.rows([message(2, "chatter", false)]), []);
    const begun = turns.rows([message(4)]);
    assert.deepEqual(rowsOf(begun)[0]?.body, { kind: "turn_started", inbound: [2, 4] });
  });

  it("is fed what comes while it runs", () => {
    const turns = fresh();
    const [first] = sent(turns.rows([message(2)]));
    turns.event({ type: "taken", prompt: first ?? "" });
    const fed = turns.rows([message(4)]);
    assert.deepEqual(kinds(fed), ["turn_fed", "send"]);
    turns.event({ type: "taken", prompt: sent(fed)[0] ?? "" });
    assert.deepEqual(acknowledged(turns.event(end)), [2, 4]);
  });

  it("leaves a follow-up that the agent did not take up to a next turn, begun in the same commit", () => {
    const turns = fresh();
    turns.event({ type: "taken", prompt: sent(turns.rows([message(2)]))[0] ?? "" });
    const late = sent(turns.rows([message(4)]))[0] ?? "";
    const ended = turns.event(end);
    assert.deepEqual(kinds(ended), ["turn_ended", "turn_started"]);
    assert.deepEqual(acknowledged(ended), [2]);
    assert.deepEqual(rowsOf(ended)[1]?.body, { kind: "turn_started", inbound: [4] });
    turns.event({ type: "taken", prompt: late });
    assert.deepEqual(acknowledged(turns.event(end)), [4]);
  });

  it("that fails before anything was taken up still ends what it was given", () => {
    const turns = fresh();
    turns.rows([message(2)]);
    const failed = turns.event({ type: "error", class: "bug", message: "no process", usage: null });
    assert.deepEqual(kinds(failed), ["turn_ended"]);
    assert.deepEqual(acknowledged(failed), [2]);
  });

  it("carries the newest continuation, and ignores one of another provider", () => {
    const other = new Turns({ lastNumber: 0, provider: "p", continuation: { provider: "q", value: "x" } });
    assert.equal(other.continuation, null);
    other.rows([message(2)]);
    other.event({ type: "continuation", value: "new" });
    const [ended] = rowsOf(other.event(end));
    assert.ok(ended?.body.kind === "turn_ended");
    assert.deepEqual(ended.body.continuation, { provider: "p", value: "new" });
  });

  it("goes on numbering above what was used before", () => {
    assert.equal(rowsOf(fresh(7).rows([message(2)]))[0]?.n, 9);
    assert.equal(rowsOf(fresh(8).rows([message(2)]))[0]?.n, 9);
  });
});

describe("stop", () => {
  it("interrupts the running turn, which takes its follow-ups with it; what comes later is a new turn", () => {
    const turns = fresh();
    turns.event({ type: "taken", prompt: sent(turns.rows([message(2)]))[0] ?? "" });
    assert.deepEqual(kinds(turns.rows([message(4), control(6, "stop"), message(8)])), [
      "turn_fed",
      "send",
      "interrupt",
    ]);
    assert.deepEqual(turns.rows([control(10, "stop")]), []);
    const stopped = turns.event({ type: "stopped", text: "so far", usage: null });
    assert.deepEqual(acknowledged(stopped), [2, 4]);
    assert.deepEqual(kinds(stopped), ["turn_ended", "turn_started", "send"]);
  });

  it("does nothing where no turn runs", () => {
    assert.deepEqual(fresh().rows([control(2, "stop")]), []);
  });

  it("stops a message that came just before it", () => {
    assert.deepEqual(kinds(fresh().rows([message(2), control(4, "stop")])), ["turn_started", "send", "interrupt"]);
  });
});

describe("rest", () => {
  it("ends the agent's process only while there is no work", () => {
    const turns = fresh();
    assert.deepEqual(kinds(turns.rows([control(2, "rest")])), ["rest"]);
    assert.deepEqual(kinds(turns.rows([control(4, "rest"), message(6)])), ["turn_started", "send"]);
    assert.deepEqual(turns.rows([control(8, "rest")]), []);
  });
});

describe("progress", () => {
  it("shows the end of a long text, and starts anew with a new block", () => {
    const turns = fresh();
    turns.rows([message(2)]);
    const [long] = turns.event({ type: "text", delta: "x".repeat(30_000) });
    assert.ok(long?.do === "progress" && long.progress.text.length === 20_000);
    turns.event({ type: "text_reset" });
    const [short] = turns.event({ type: "text", delta: "new" });
    assert.ok(short?.do === "progress" && short.progress.text === "new" && short.progress.version === 2);
  });

  it("names the tool that runs, and both of its ends are rows", () => {
    const turns = fresh();
    turns.rows([message(2)]);
    const started = turns.event({ type: "tool_started", call: "c", name: "Bash", summary: "ls\n-la" });
    assert.deepEqual(kinds(started), ["tool_started", "progress"]);
    assert.ok(started[1]?.do === "progress" && started[1].progress.activity === "Bash: ls -la");
    assert.deepEqual(kinds(turns.event({ type: "tool_ended", call: "c", ok: true })), ["tool_ended", "progress"]);
  });
});

describe("rows", () => {
  it("fit their schema however long the answer is", () => {
    for (const text of [
      "x".repeat(500_000),
      "\u0001".repeat(199_000),
      "\ud800".repeat(300_000),
      "😀".repeat(200_000),
    ]) {
      const turns = fresh();
      turns.rows([message(2)]);
      for (const { body } of rowsOf(turns.event({ type: "end", text, usage: null }))) {
        outboundBody.parse(body);
        assert.ok(Buffer.byteLength(JSON.stringify(body)) < 1_000_000);
      }
    }
  });

  it("hold every message exactly once, whatever happens in whatever order", () => {
    fc.assert(fc.property(fc.array(step, { maxLength: 80 }), runsWell), { numRuns: 500 });
  });
});

type Step =
  | { rows: ("engage" | "context" | "stop" | "rest")[] }
  | { event: "take" | "text" | "end" | "error" | "stopped" };
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ rows: fc.array(fc.constantFrom("engage", "context", "stop", "rest"), { minLength: 1, maxLength: 70 }) }),
  fc.record({ event: fc.constantFrom("take", "text", "end", "error", "stopped") }),
) as fc.Arbitrary<Step>;

/** Plays a provider that keeps its contract against any order of rows and events. */
function runsWell(steps: Step[]): void {
  const turns = fresh();
  let n = 0;
  const inbound: number[] = [];
  const given: string[] = [];
  const contents = new Map<string, number[]>();
  const taken = new Set<number>();
  const acknowledged: number[] = [];
  let lastRow = 0;
  let running: number | null = null;
  let held: number[] = [];
  const done = (effects: Effect[]) => {
    for (const effect of effects) {
      if (effect.do === "send") {
        given.push(effect.prompt);
        contents.set(
          effect.prompt,
          effect.messages.map((each) => Number(each.text.slice(5))),
        );
        assert.ok(
          contents.get(effect.prompt)?.every((each) => held.includes(each)),
          "sent before it was journalled",
        );
      }
      if (effect.do !== "write") continue;
      for (const { n: number, body } of effect.rows) {
        outboundBody.parse(body);
        assert.ok(number % 2 === 1 && number > lastRow, "numbers are odd and grow");
        lastRow = number;
        if (body.kind === "turn_started") {
          assert.equal(running, null);
          running = number;
          held = [...body.inbound];
        } else {
          assert.equal(body.turn, running);
          if (body.kind === "turn_fed") held.push(...body.inbound);
          if (body.kind === "turn_ended") {
            assert.ok(body.acknowledges.length > 0, "a turn ends something");
            acknowledged.push(...body.acknowledges);
            running = null;
          }
        }
      }
    }
  };
  const finish = (type: "end" | "error" | "stopped") => {
    if (running === null) return;
    if (type === "stopped")
      for (const prompt of given.splice(0)) for (const each of contents.get(prompt) ?? []) taken.add(each);
    if (type !== "stopped" && !held.some((each) => taken.has(each))) take();
    const event =
      type === "error" ? { type, class: "bug" as const, message: "", usage: null } : { type, text: "", usage: null };
    done(turns.event(event));
    assert.ok(
      acknowledged.every((each) => taken.has(each)),
      "acknowledged before it was taken up",
    );
  };
  const take = () => {
    const prompt = given.shift();
    if (!prompt) return;
    for (const each of contents.get(prompt) ?? []) taken.add(each);
    done(turns.event({ type: "taken", prompt }));
  };
  for (const each of steps) {
    if ("rows" in each) {
      const rows = each.rows.map((kind) => {
        n += 2;
        if (kind === "stop" || kind === "rest") return control(n, kind);
        inbound.push(n);
        return message(n, `text ${n}`, kind === "engage");
      });
      done(turns.rows(rows));
    } else if (each.event === "take") {
      if (running !== null) take();
    } else if (each.event === "text") done(turns.event({ type: "text", delta: "x" }));
    else finish(each.event);
  }
  done(turns.rows([message(n + 2)]));
  inbound.push(n + 2);
  for (let rounds = 0; running !== null && rounds < 10_000; rounds++) finish("end");
  assert.deepEqual(acknowledged, inbound, "every message once, in order");
}
