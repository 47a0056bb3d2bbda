/**
 * Scheduled tasks: a part that the way of a message can do without. It has its own table, verbs and timer, and speaks to
 * agents as anybody does, through the router.
 */

import type { Router } from "../../src/inbound/router.ts";
import type { Random } from "../../src/lib/ids.ts";
import type { Supervisor } from "../../src/sessions/supervisor.ts";
import { taskEffects } from "./effects.ts";
import { Scheduler, type SchedulerParts } from "./scheduler.ts";
import { taskVoice } from "./voice.ts";

export interface ScheduledTasksParts extends Omit<SchedulerParts, "tell" | "dismiss"> {
  random: Random;
  router: Router;
  supervisor: Pick<Supervisor, "dismiss">;
}

export interface ScheduledTasks {
  /** To be started after the sessions, and stopped before them. */
  scheduler: Scheduler;
  effects: ReturnType<typeof taskEffects>;
}

export function scheduledTasks({ random, router, supervisor, ...parts }: ScheduledTasksParts): ScheduledTasks {
  const scheduler = new Scheduler({
    ...parts,
    tell: taskVoice(parts.store, router),
    dismiss: (session) => supervisor.dismiss(session),
  });
  return { scheduler, effects: taskEffects({ ...parts, random, scheduler }) };
}
