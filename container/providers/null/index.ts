/**
 * A provider without a model, for benches and crash tests: says what it heard. One prompt is one turn; words in it make
 * things happen: `tool` a tool call, `sleep:MS` a pause, `clock` the time of hand-over in the answer, `fail:CLASS` an
 * error.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { errorClass } from "../../../protocol/rows.ts";
import { textsOf } from "../../runner/prompt.ts";
import type { ProviderFactory } from "../../runner/providers/provider.ts";

export const open: ProviderFactory = async ({ emit }) => {
  const queue: { id: string; text: string; at: number }[] = [];
  let abort: AbortController | null = null;

  async function run(): Promise<void> {
    for (let prompt = queue.shift(); prompt; prompt = queue.shift()) {
      abort = new AbortController();
      emit({ type: "taken", prompt: prompt.id });
      const said = textsOf(prompt.text).join("\n");
      const answer = `echo: ${said}${/\bclock\b/.test(said) ? ` [${prompt.at.toFixed(3)}]` : ""}`;
      emit({ type: "text", delta: answer });
      if (/\btool\b/.test(said))
        emit({ type: "tool_started", call: prompt.id, name: "Nothing", summary: "does nothing" });
      const pause = Number(/\bsleep:(\d+)/.exec(said)?.[1] ?? 0);
      if (pause > 0) await sleep(pause, null, { signal: abort.signal }).catch(() => {});
      if (/\btool\b/.test(said)) emit({ type: "tool_ended", call: prompt.id, ok: true });
      const failure = errorClass.safeParse(/\bfail:(\w+)/.exec(said)?.[1]).data;
      if (abort.signal.aborted) emit({ type: "stopped", text: answer, usage: null });
      else if (failure) emit({ type: "error", class: failure, message: "as it was told to", usage: null });
      else emit({ type: "end", text: answer, usage: null });
    }
    abort = null;
  }

  return {
    send(prompt) {
      queue.push({ ...prompt, at: performance.timeOrigin + performance.now() });
      if (!abort) queueMicrotask(() => void (abort ?? run()));
    },
    interrupt() {
      queue.length = 0;
      abort?.abort();
    },
    async close() {
      queue.length = 0;
      abort?.abort();
    },
  };
};
