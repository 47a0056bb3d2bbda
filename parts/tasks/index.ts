/**
 * Scheduled tasks: a part that the way of a message can do without. It has its own table, verbs and timer, and speaks to
 * agents as anybody does, through the router.
 */

import type { Router } from "../../src/inbound/router.ts";
import type { Random } from "../../src/lib/ids.ts";
import type { Supervisor } from "../../src/sessions/supervisor.ts";
import { taskEffects } from "./effects.ts";
import { type LeftoverParts, Leftovers } from "./leftovers.ts";
import { Scheduler, type SchedulerParts } from "./scheduler.ts";
import { taskVoice } from "./voice.ts";

export interface ScheduledTasksParts extends Omit<SchedulerParts, "tell" | "leave"> {
  random: Random;
  router: Router;
  supervisor: Pick<Supervisor, "dismiss">;
  /** What containers are started with. */
  containers: Omit<LeftoverParts, "store" | "clock" | "log" | "dismiss">;
}

export interface ScheduledTasks {
  /** After the sessions are up. */
  start(): void;
  /** Before they are stopped. Resolves when nothing of it runs. */
  stop(): Promise<void>;
  scheduler: Scheduler;
  effects: ReturnType<typeof taskEffects>;
}

export function scheduledTasks({
  random,
  router,
  supervisor,
  containers,
  ...parts
}: ScheduledTasksParts): ScheduledTasks {
  const leftovers = new Leftovers({ ...parts, ...containers, dismiss: (session) => supervisor.dismiss(session) });
  const scheduler = new Scheduler({
    ...parts,
    tell: taskVoice(parts.store, router),
    leave: (session) => leftovers.add(session),
  });
  return {
    start() {
      scheduler.start();
      leftovers.start();
    },
    async stop() {
      scheduler.stop();
      await leftovers.stop();
    },
    ...{ scheduler, effects: taskEffects({ ...parts, random, scheduler }) },
  };
}
