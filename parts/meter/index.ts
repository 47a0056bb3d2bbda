/**
 * What models cost and when it is enough: a part that the way of a message can do without. It stands behind the gateway's
 * meter, with tables and verbs of its own.
 */
import type { Random } from "../../src/lib/ids.ts";
import { usageEffects, usedToday } from "./effects.ts";
import { type MeterParts, RequestMeter } from "./meter.ts";

export interface Metering {
  /** For the gateway. */
  meter: RequestMeter;
  effects: ReturnType<typeof usageEffects>;
  today(): ReturnType<typeof usedToday>;
}

export function metering({ random, ...parts }: MeterParts & { random: Random }): Metering {
  const meter = new RequestMeter(parts);
  const known = { store: parts.store, clock: parts.clock, meter };
  return { meter, effects: usageEffects({ ...known, random }), today: () => usedToday(known) };
}
