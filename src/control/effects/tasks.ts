/** What the verbs of scheduled tasks do: `tasks.*`. The scheduler wakes on the commit of each change. */
import type { Clock } from "../../lib/clock.ts";
import { Misuse } from "../../lib/errors.ts";
import type { Random } from "../../lib/ids.ts";
import type { Store } from "../../store/store.ts";
import type { Task } from "../../store/tasks.ts";
import { parseSchedule, scheduleText } from "../../tasks/parse.ts";
import type { Scheduler } from "../../tasks/scheduler.ts";
import { nextRun } from "../../tasks/timetable.ts";
import type { Effects } from "../execute.ts";

/** Tasks of an agent group that are not done. */
const MOST_TASKS = 200;

export interface TaskParts {
  store: Store;
  clock: Clock;
  random: Random;
  scheduler: Scheduler;
}

export function taskEffects({ store, clock, random, scheduler }: TaskParts): Pick<Effects, `tasks.${TaskVerb}`> {
  const { tasks } = store;
  const taskAt = (id: string): Task => {
    const task = tasks.task(id);
    if (!task) throw new Misuse(`there is no task "${id}"`, "`ncl tasks list` shows them.");
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
    note: task.note,
    runs: tasks.runs(task.id, limit),
  });
  const ownersZone = () => {
    const [owner] = store.users.owners();
    return (owner && store.users.user(owner)?.timeZone) ?? "UTC";
  };
  return {
    "tasks.list": ({ limit }) => tasks.list(limit).map(shown),
    "tasks.show": ({ task, limit }) => shownWhole(taskAt(task), limit),

    "tasks.add": ({ group: folder, chat, cron, every, at, ...wanted }, { record }) => {
      const group = store.groups.agentGroupByFolder(folder);
      if (!group) throw new Misuse(`there is no agent group "${folder}"`, "`ncl groups list` shows them.");
      if (wanted.prompt.trim() === "") throw new Misuse("the prompt is empty", "Say what the agent is to do.");
      const address = addressOf(chat);
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
      const timeZone = wanted.timeZone ?? ownersZone();
      const schedule = parseSchedule({ cron, every, at }, timeZone, now);
      const id = `t-${random.token(8)}`;
      const standing = { state: "active", nextAt: nextRun(schedule, now, timeZone), failures: 0, note: "" } as const;
      const task: Task = {
        ...wanted,
        ...standing,
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

    "tasks.pause": ({ task: id }, { record }) => {
      const task = taskAt(id);
      if (task.state === "done") throw new Misuse(`the task "${task.name}" is done`, "There is nothing to pause.");
      return record(`task:${id}`, () => {
        tasks.update(id, { ...task, state: "paused", nextAt: null, note: "" });
        return shown(taskAt(id));
      });
    },

    "tasks.resume": ({ task: id }, { record }) => {
      const task = taskAt(id);
      if (task.state === "active") return shown(task);
      const nextAt = nextRun(task.schedule, clock.now(), task.timeZone);
      if (nextAt === null) {
        throw new Misuse(`the time of the task "${task.name}" has passed`, "`ncl tasks run` runs it now.");
      }
      return record(`task:${id}`, () => {
        tasks.update(id, { state: "active", nextAt, failures: 0, note: "" });
        return shown(taskAt(id));
      });
    },

    "tasks.remove": ({ task: id }, { record }) => {
      const { name } = taskAt(id);
      record(`task:${id}`, () => tasks.remove(id), { name });
      return { done: true };
    },

    "tasks.run": ({ task: id }, { record }) => {
      const task = taskAt(id);
      return record(`task:${id}`, () => {
        scheduler.runNow(task);
        return shown(taskAt(id));
      });
    },
  };
}

type TaskVerb = "list" | "show" | "add" | "pause" | "resume" | "remove" | "run";

/** `channel:chat`; a name alone is a terminal chat. */
function addressOf(text: string) {
  const [, channel, chat] = /^([a-z0-9_-]+):(.+)$/s.exec(text) ?? [];
  return { channel: channel ?? "terminal", chat: chat ?? text, thread: null };
}
