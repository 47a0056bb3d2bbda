/** What the verbs of scheduled tasks do: `tasks.*`. The scheduler wakes on the commit of each change. */

import { NoSchedule, parseSchedule, scheduleText, type WantedSchedule } from "../../packages/calendar/parse.ts";
import { nextRun, type Schedule } from "../../packages/calendar/timetable.ts";
import { agentGroupAt } from "../../src/agents/groups.ts";
import type { EffectContext, Effects } from "../../src/control/execute.ts";
import type { Clock } from "../../src/lib/clock.ts";
import { Misuse } from "../../src/lib/errors.ts";
import type { Random } from "../../src/lib/ids.ts";
import { type Address, addressOf } from "../../src/store/address.ts";
import type { Store } from "../../src/store/store.ts";
import type { Scheduler } from "./scheduler.ts";
import type { Task } from "./tasks.ts";

/** Tasks of an agent group that are not done. */
const MOST_TASKS = 200;

export interface TaskParts {
  store: Store;
  clock: Clock;
  random: Random;
  scheduler: Scheduler;
}

export function taskEffects({ store, clock, random, scheduler }: TaskParts): Pick<Effects, `tasks.${TaskVerb}`> {
  const { tasks } = scheduler;
  const taskAt = (id: string, { permit }: Pick<EffectContext, "permit">): Task => {
    const task = tasks.task(id);
    if (!task) throw new Misuse(`there is no task "${id}"`, "`ncl tasks list` shows them.");
    permit(task.agentGroup);
    return task;
  };
  const shown = (task: Task) => ({
    task: task.id,
    name: task.name,
    group: store.groups.agentGroup(task.agentGroup)?.folder ?? "",
    schedule: scheduleText(task.schedule, task.timeZone),
    timeZone: task.timeZone,
    state: tasks.isRunning(task.id) ? ("running" as const) : task.state,
    nextAt: task.nextAt,
    failures: task.failures,
  });
  const shownWhole = (task: Task, limit: number) => ({
    ...shown(task),
    chat: `${task.address.channel}:${task.address.chat}`,
    session: task.session,
    missed: task.missed,
    prompt: task.prompt,
    script: task.script ?? "",
    note: task.note,
    runs: tasks.runs(task.id, limit),
  });
  return {
    "tasks.list": ({ group, limit }) =>
      tasks.list(limit, group === undefined ? null : agentGroupAt(store, group).id).map(shown),
    "tasks.show": ({ task, limit }, context) => shownWhole(taskAt(task, context), limit),

    "tasks.add": ({ group: folder, chat, cron, every, at, ...wanted }, { actor, record }) => {
      const group = agentGroupAt(store, folder);
      if (wanted.prompt.trim() === "") throw new Misuse("the prompt is empty", "Say what the agent is to do.");
      const address = actor.kind === "agent" ? addressOf(actor.session) : addressIn(chat);
      const room = store.groups.messagingGroup(address.channel, address.chat);
      if (!room || !store.groups.wirings(room.id).some((one) => one.agentGroup === group.id)) {
        throw new Misuse(
          `the agent "${folder}" is not in the chat ${address.channel}:${address.chat}`,
          "Name a chat of its own with --chat; `ncl sessions list` shows them.",
        );
      }
      if (tasks.countOpen(group.id) >= MOST_TASKS) {
        throw new Misuse(
          `"${folder}" has ${MOST_TASKS} tasks, and no more are kept`,
          "Remove one with `ncl tasks remove`.",
        );
      }
      const now = clock.now();
      const timeZone = wanted.timeZone ?? store.users.timeZone();
      const schedule = scheduleOf({ cron, every, at }, timeZone, now);
      const id = `t-${random.token(8)}`;
      const standing = { state: "active", nextAt: nextRun(schedule, now, timeZone), failures: 0, note: "" } as const;
      const task: Task = {
        ...wanted,
        ...standing,
        script: wanted.script ?? null,
        id,
        agentGroup: group.id,
        address,
        schedule,
        timeZone,
        createdAt: now,
      };
      return record(`task:${id}`, () => {
        tasks.add(task);
        return shownWhole(task, 0);
      });
    },

    "tasks.pause": ({ task: id }, context) => {
      const task = taskAt(id, context);
      if (task.state === "done") throw new Misuse(`the task "${task.name}" is done`, "There is nothing to pause.");
      return context.record(`task:${id}`, () => {
        tasks.update(id, { ...task, state: "paused", nextAt: null, note: "" });
        return shown(taskAt(id, context));
      });
    },

    "tasks.resume": ({ task: id }, context) => {
      const task = taskAt(id, context);
      if (task.state === "active") return shown(task);
      const nextAt = nextRun(task.schedule, clock.now(), task.timeZone);
      if (nextAt === null) {
        throw new Misuse(`the time of the task "${task.name}" has passed`, "`ncl tasks run` runs it now.");
      }
      return context.record(`task:${id}`, () => {
        tasks.update(id, { state: "active", nextAt, failures: 0, note: "" });
        return shown(taskAt(id, context));
      });
    },

    "tasks.remove": ({ task: id }, context) => {
      const { name } = taskAt(id, context);
      context.record(`task:${id}`, () => tasks.remove(id), { name });
      return { done: true };
    },

    "tasks.run": ({ task: id }, context) => {
      const task = taskAt(id, context);
      return context.record(`task:${id}`, () => {
        scheduler.runNow(task);
        return shown(taskAt(id, context));
      });
    },
  };
}

function scheduleOf(wanted: WantedSchedule, timeZone: string, now: number): Schedule {
  try {
    return parseSchedule(wanted, timeZone, now);
  } catch (error) {
    throw error instanceof NoSchedule ? new Misuse(error.message, error.hint) : error;
  }
}

type TaskVerb = "list" | "show" | "add" | "pause" | "resume" | "remove" | "run";

/** `channel:chat`; a name alone is a terminal chat. */
function addressIn(text: string): Address {
  const [, channel, chat] = /^([a-z0-9_-]+):(.+)$/s.exec(text) ?? [];
  return { channel: channel ?? "terminal", chat: chat ?? text, thread: null };
}
