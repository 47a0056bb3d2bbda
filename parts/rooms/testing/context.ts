/** What a verb's effect gets, for tests of this part: the operator asks, and what is recorded is remembered. */
import type { EffectContext } from "../../../src/control/execute.ts";

export function operator(): { context: EffectContext; recorded: string[] } {
  const recorded: string[] = [];
  return {
    recorded,
    context: {
      ...{ actor: { kind: "operator" }, permit: () => {}, signal: new AbortController().signal },
      record: (resource, change) => {
        const result = change(1);
        recorded.push(resource);
        return result;
      },
    },
  };
}
