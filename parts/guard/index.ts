/**
 * The information-flow guard as a part: its tables, its verbs, and the port that the way of a message, the network door
 * and whoever sends something ask. See docs/flow-guard.md.
 */
import { guardEffects } from "./effects.ts";
import { Guard, type GuardParts } from "./guard.ts";
import { GuardLabels } from "./labels.ts";

export interface FlowGuardPart {
  guard: Guard;
  effects: ReturnType<typeof guardEffects>;
}

export function flowGuard(parts: Omit<GuardParts, "labels">): FlowGuardPart {
  const labels = new GuardLabels(parts.store.db);
  return { guard: new Guard({ ...parts, labels }), effects: guardEffects({ ...parts, labels }) };
}
