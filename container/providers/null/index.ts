/**
 * A provider without a model, for benches and crash tests: says what it heard. One prompt is one turn; words in it make
 * things happen, in this order: `tool` a tool call (`tool:N` N times the same), `sleep:MS` a pause in it, `verb:NAME {…}`
 * a call of the host's tool NAME with that JSON up to the line's end, `clock` the time of hand-over in the answer,
 * `fail:CLASS` an error. `deaf` makes it neither stop nor close.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { errorClass } from "../../../protocol/rows.ts";
import { textsOf } from "../../runner/prompt.ts";
import { type ProviderFactory, type ProviderOptions, sameness } from "../../runner/providers/provider.ts";

export const open: ProviderFactory = async ({ emit, tools }) => {
  const queue: { id: string; text: string; at: number }[] = [];
  let abort: AbortController | null = null;
  let deaf = false;
  let stopNext = false;

  async function run(): Promise<void> {
    for (let prompt = queue.shift(); prompt; prompt = queue.shift()) {
      const turn = new AbortController();
      abort = turn;
      if (stopNext) turn.abort();
      stopNext = false;
      emit({ type: "taken", prompt: prompt.id });
      const said = textsOf(prompt.text).join("\n");
      deaf = /\bdeaf\b/.test(said);
      let answer = `echo: ${said}${/\bclock\b/.test(said) ? ` [${prompt.at.toFixed(3)}]` : ""}`;
      emit({ type: "text", delta: answer });
      await work(prompt.id, said, turn.signal);
      for (const call of said.matchAll(/\bverb:([a-z_]+)(?: +(\{.*\}))?/g)) {
        if (turn.signal.aborted) break;
        const told = ` [${await ask(`${prompt.id}-verb-${call.index}`, call[1] ?? "", call[2] ?? "{}", turn.signal)}]`;
        answer += told;
        emit({ type: "text", delta: told });
      }
      const failure = errorClass.safeParse(/\bfail:(\w+)/.exec(said)?.[1]).data;
      if (turn.signal.aborted) emit({ type: "stopped", text: answer, usage: null });
      else if (failure) emit({ type: "error", class: failure, message: "as it was told to", usage: null });
      else emit({ type: "end", text: answer, usage: null });
    }
    abort = null;
  }

  async function work(id: string, said: string, signal: AbortSignal): Promise<void> {
    const word = /\btool\b(?::(\d+))?/.exec(said);
    const calls = word ? Number(word[1] ?? 1) : 0;
    const ended = (index: number) => emit({ type: "tool_ended", call: `${id}-${index}`, ok: true });
    for (let index = 1; index <= calls; index++) {
      if (index > 1) ended(index - 1);
      emit(started(`${id}-${index}`, "Nothing", "does nothing", {}));
    }
    const pause = Number(/\bsleep:(\d+)/.exec(said)?.[1] ?? 0);
    if (pause > 0) await sleep(pause, null, deaf ? {} : { signal }).catch(() => {});
    if (calls > 0) ended(calls);
  }

  async function ask(call: string, name: string, json: string, signal: AbortSignal): Promise<string> {
    emit(started(call, name, json, json));
    const { ok, text } = await answered(tools, name, json, signal);
    emit({ type: "tool_ended", call, ok });
    return `${ok ? "ok" : "failed"}: ${text}`;
  }

  return {
    send(prompt) {
      queue.push({ ...prompt, at: performance.timeOrigin + performance.now() });
      if (!abort) queueMicrotask(() => void (abort ?? run()));
    },
    interrupt() {
      // One that has not begun begins, and ends at once: every prompt given ends as stopped.
      queue.length = Math.min(queue.length, abort ? 0 : 1);
      stopNext = !abort && queue.length > 0;
      abort?.abort();
    },
    async close() {
      queue.length = 0;
      abort?.abort();
      if (deaf) await new Promise(() => {});
    },
  };
};

const started = (call: string, name: string, summary: string, input: unknown) =>
  ({ type: "tool_started", call, name, summary, same: sameness(name, input), limit: null }) as const;

async function answered(tools: ProviderOptions["tools"], name: string, json: string, signal: AbortSignal) {
  const tool = tools.find((each) => each.name === name);
  if (!tool) return { ok: false, text: `there is no tool ${name}` };
  const stopped = new Promise<{ ok: boolean; text: string }>((resolve) => {
    signal.addEventListener("abort", () => resolve({ ok: false, text: "stopped" }));
  });
  try {
    return await Promise.race([tool.call(JSON.parse(json)), stopped]);
  } catch (error) {
    return { ok: false, text: String(error) };
  }
}
