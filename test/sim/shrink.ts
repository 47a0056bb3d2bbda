/** Makes a failing scenario shorter: leaves out happenings, many at once and then single ones, as long as the same promise breaks. */
import type { Scenario } from "./scenario.ts";
import { simulate } from "./simulation.ts";

/**
 * @param promise that was broken
 * @param deadline of performance.now() at which it stops trying
 * @returns indexes of the happenings that are left
 */
export async function shrink(seed: string, scenario: Scenario, promise: string, deadline: number): Promise<number[]> {
  let kept = scenario.happenings.map((_, index) => index);
  for (let chunk = Math.ceil(kept.length / 2); chunk > 0; chunk = chunk === 1 ? 0 : Math.ceil(chunk / 2)) {
    // From the end: what happened after the break goes at once.
    for (let end = kept.length; end > 0 && performance.now() < deadline; end -= chunk) {
      const fewer = kept.filter((_, position) => position < end - chunk || position >= end);
      const { violation } = await simulate(seed, part(scenario, fewer));
      if (violation?.promise === promise) kept = fewer;
    }
  }
  return kept;
}

/** The scenario with only those of its happenings. */
export function part(scenario: Scenario, indexes: number[]): Scenario {
  return { ...scenario, happenings: scenario.happenings.filter((_, index) => indexes.includes(index)) };
}
