import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type InboundRow, outboundBody } from "../../protocol/rows.ts";
import { message as plain } from "../../test/support/runner/message.ts";
import type { ProviderEvent } from "./providers/provider.ts";
import { type Effect, Turns } from "./turns.ts";

const message = (n: number, text = `text ${n}`, engages = true): InboundRow => ({
  n,
  body: plain(text, { engages }),
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

describe("a turn that is broken off", () => {
  const stuck = { class: "stuck", message: "nothing came" } as const;
  const running = () => {
    const turns = fresh();
    turns.event({ type: "taken", prompt: sent(turns.rows([message(2)]))[0] ?? "" });
    return turns;
  };

  it("ends in an error at once; what it had not taken up is sent again when the provider has let go", () => {
    const turns = running();
    turns.rows([message(4)]);
    const broken = turns.breakOff(stuck);
    assert.deepEqual(kinds(broken), ["turn_ended"]);
    assert.deepEqual(acknowledged(broken), [2]);
    assert.equal(turns.running, null);
    assert.deepEqual(turns.rows([message(6)]), [], "nothing is handed on before that");
    const next = turns.letGo();
    assert.deepEqual(kinds(next), ["turn_started", "send"]);
    assert.deepEqual(rowsOf(next)[0]?.body, { kind: "turn_started", inbound: [4, 6] });
  });

  it("keeps the order of what it had not taken up and what no prompt held yet", () => {
    const turns = running();
    const numbers = Array.from({ length: 40 }, (_, index) => 4 + 2 * index);
    for (const n of numbers) turns.rows([message(n)]);
    turns.breakOff(stuck);
    assert.deepEqual(rowsOf(turns.letGo())[0]?.body, { kind: "turn_started", inbound: numbers });
  });

  it("is not disturbed by what the provider says later, but for the conversation's continuation", () => {
    const turns = running();
    turns.breakOff(stuck);
    for (const late of [end, { type: "text", delta: "late" }, { type: "tool_ended", call: "c", ok: true }] as const) {
      assert.deepEqual(turns.event(late), []);
    }
    turns.event({ type: "continuation", value: "kept" });
    assert.equal(turns.continuation, "kept");
    assert.equal(turns.verb("a.b", {}), null);
    assert.deepEqual(turns.beat(), []);
  });

  it("takes with it what the person had stopped; a stop in between means what came before it", () => {
    const turns = running();
    turns.rows([message(4), control(6, "stop")]);
    assert.deepEqual(acknowledged(turns.breakOff(stuck)), [2, 4]);
    turns.rows([message(8), control(10, "stop"), message(12)]);
    const next = turns.letGo();
    assert.deepEqual(kinds(next), ["turn_started", "send", "interrupt"]);
    assert.deepEqual(rowsOf(next)[0]?.body, { kind: "turn_started", inbound: [8] });
    const after = turns.event({ type: "stopped", text: "", usage: null });
    assert.deepEqual(rowsOf(after)[1]?.body, { kind: "turn_started", inbound: [12] });
  });
});

describe("a verb", () => {
  it("is a row of the turn that runs, and its number names it", () => {
    const turns = fresh();
    assert.equal(turns.verb("a.b", {}), null);
    turns.rows([message(2)]);
    const asked = turns.verb("things.do", { what: "tea" });
    const [row] = rowsOf(asked?.effects ?? []);
    assert.equal(row?.n, asked?.n);
    assert.deepEqual(row?.body, { kind: "verb", turn: turns.running, verb: "things.do", args: { what: "tea" } });
    turns.rows([{ n: 4, body: { kind: "answer", to: row?.n ?? 0, ok: true, text: "" } }]);
    assert.equal(rowsOf(turns.event(end))[0]?.n, (row?.n ?? 0) + 2);
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
    const stopped = turns.event({ type: "stopped", text: "so far", usage: null });
    assert.deepEqual(acknowledged(stopped), [2, 4]);
    assert.deepEqual(kinds(stopped), ["turn_ended", "turn_started", "send"]);
  });

  it("repeated before the first has ended the turn, takes with it what was said in between", () => {
    const turns = fresh();
    const effects = turns.rows([
      message(2),
      control(4, "stop"),
      message(6),
      message(8, "", false),
      control(10, "stop"),
    ]);
    assert.deepEqual(kinds(effects), ["turn_started", "send", "interrupt", "turn_fed"]);
    const stopped = turns.event({ type: "stopped", text: "", usage: null });
    assert.deepEqual(kinds(stopped), ["turn_ended"]);
    assert.deepEqual(acknowledged(stopped), [2, 6]);
    assert.deepEqual(rowsOf(turns.rows([message(12)]))[0]?.body, { kind: "turn_started", inbound: [8, 12] });
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
    const [beat] = turns.beat();
    assert.ok(beat?.do === "progress" && beat.progress.text === "new" && beat.progress.version === 3);
    assert.ok(short?.do === "progress" && short.progress.text === "new" && short.progress.version === 2);
  });

  it("names the tool that runs, and both of its ends are rows", () => {
    const turns = fresh();
    turns.rows([message(2)]);
    const started = turns.event({
      type: "tool_started",
      call: "c",
      name: "Bash",
      summary: "ls\n-la",
      same: "",
      limit: null,
    });
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
  | { event: "take" | "text" | "end" | "error" | "stopped" | "break" | "release" };
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ rows: fc.array(fc.constantFrom("engage", "context", "stop", "rest"), { minLength: 1, maxLength: 70 }) }),
  fc.record({ event: fc.constantFrom("take", "text", "end", "error", "stopped", "break", "release") }),
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
  let stopping = false;
  let broken = false;
  let held: number[] = [];
  const done = (effects: Effect[]) => {
    for (const effect of effects) {
      assert.ok(!broken, "something was done before the provider had let go");
      if (effect.do === "interrupt") stopping = true;
      if (effect.do === "send") {
        given.push(effect.prompt);
        contents.set(
          effect.prompt,
          effect.messages.map(({ n }) => n),
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
          stopping = false;
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
    // What was stopped ends with its turn, however that ends.
    if (stopping) for (const each of held) taken.add(each);
    if (stopping) given.length = 0;
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
  const breakOff = () => {
    if (running === null) return;
    if (!held.some((each) => taken.has(each))) for (const each of held) taken.add(each);
    // What was stopped ends with its turn, whoever ends it.
    if (stopping) for (const each of held) taken.add(each);
    given.length = 0;
    done(turns.breakOff({ class: "stuck", message: "" }));
    assert.ok(
      acknowledged.every((each) => taken.has(each)),
      "acknowledged before it was taken up",
    );
    broken = true;
  };
  const release = () => {
    if (!broken) return;
    broken = false;
    done(turns.letGo());
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
    } else if (each.event === "break") breakOff();
    else if (each.event === "release") release();
    else if (each.event === "text") done(turns.event({ type: "text", delta: "x" }));
    else finish(each.event);
  }
  release();
  done(turns.rows([message(n + 2)]));
  inbound.push(n + 2);
  for (let rounds = 0; running !== null && rounds < 10_000; rounds++) finish("end");
  assert.deepEqual(acknowledged, inbound, "every message once, in order");
}
