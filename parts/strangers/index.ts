/**
 * People who are not known in a room where the owner wants to be asked: what they say waits, durably, until somebody says
 * whether they may. A yes lets it be heard as if it had come through at once; a no leaves nothing of it but a keyed hash.
 */
import type { Approvals } from "../../src/approvals/approvals.ts";
import type { Router } from "../../src/inbound/router.ts";
import type { Random } from "../../src/lib/ids.ts";
import { Doorman, type DoormanParts } from "./doorman.ts";
import { strangerEffects } from "./effects.ts";

export interface StrangersParts extends Omit<DoormanParts, "replay"> {
  random: Random;
  approvals: Approvals;
  router: Router;
}

export interface Strangers {
  hold: Doorman["hold"];
  effects: ReturnType<typeof strangerEffects>;
}

export function strangers({ router, ...parts }: StrangersParts): Strangers {
  const doorman = new Doorman({ ...parts, replay: (event) => router.replay(event) });
  parts.approvals.register(doorman.kind);
  return { hold: (event, room) => doorman.hold(event, room), effects: strangerEffects(parts.store, doorman) };
}
