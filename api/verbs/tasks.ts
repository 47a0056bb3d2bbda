/** Scheduled tasks. */
import { z } from "zod";
import * as is from "../results.ts";
import { folder, limit, timeZone, verb } from "../verb.ts";

const task = z.string().min(1).max(100).describe("its id in `ncl tasks list`");

export const taskVerbs = {
  "tasks.list": verb({
    summary: "List the scheduled tasks, what comes next first",
    tool: { name: "list_tasks", description: "Lists your scheduled tasks.", own: ["group"] },
    ...{ least: "member", of: "group" },
    args: { group: folder.optional().describe("only of this agent group"), limit },
    result: z.array(is.task),
  }),
  "tasks.show": verb({
    summary: "Show a scheduled task and its latest runs",
    ...{ least: "member", of: "found" },
    args: { task, limit: z.int().min(1).max(100).default(20).describe("how many runs at most") },
    positional: ["task"],
    result: is.taskWhole,
  }),
  "tasks.add": verb({
    tool: {
      name: "schedule_task",
      description:
        "Schedules something that you are to do later or again and again. You are then given the prompt as a message, in this conversation or in a new one each time, and what you answer goes to this chat. Give exactly one of cron, every and at. Times are in the person's time zone unless you name another.",
      own: ["group", "chat"],
    },
    summary: "Let an agent do something at set times; give one of --cron, --every and --at",
    ...{ least: "member", of: "group" },
    args: {
      group: folder,
      prompt: z.string().min(1).max(20_000).describe("what the agent is to do"),
      name: z.string().trim().min(1).max(100).describe("how to call the task"),
      cron: z.string().max(200).optional().describe("minute hour day month weekday, seconds first where there are six"),
      every: z.string().max(100).optional().describe("a span of time, such as 15m or 1h 30m"),
      at: z.string().max(100).optional().describe("once: 2030-12-24 18:00, with an offset from UTC, or in 20m"),
      chat: z.string().min(1).max(400).default("main").describe("where it answers: channel:chat, or a terminal chat"),
      timeZone: timeZone.optional(),
      script: z
        .string()
        .min(1)
        .max(20_000)
        .optional()
        .describe('bash that runs first, in the container; {"wake": false} as its last line lets the agent sleep'),
      missed: is.missedPolicy.default("latest").describe("which of the times run that passed while it could not run"),
      session: is.taskSession.default("chat").describe("speak in the chat's conversation, or in a new one each time"),
    },
    positional: ["group", "prompt"],
    result: is.taskWhole,
  }),
  "tasks.pause": verb({
    tool: { name: "pause_task", description: "Lets a scheduled task of yours rest." },
    summary: "Let a scheduled task rest; what runs now goes on",
    ...{ least: "member", of: "found" },
    args: { task },
    positional: ["task"],
    result: is.task,
  }),
  "tasks.resume": verb({
    tool: { name: "resume_task", description: "Lets a paused task of yours go on." },
    summary: "Let a paused task go on; what passed meanwhile is not made up for",
    ...{ least: "member", of: "found" },
    args: { task },
    positional: ["task"],
    result: is.task,
  }),
  "tasks.remove": verb({
    tool: { name: "remove_task", description: "Removes a scheduled task of yours." },
    summary: "Remove a scheduled task with its history; what runs now goes on",
    ...{ least: "member", of: "found" },
    args: { task },
    positional: ["task"],
    result: is.done,
  }),
  "tasks.run": verb({
    summary: "Run a scheduled task now, beside its schedule",
    ...{ least: "member", of: "found" },
    args: { task },
    positional: ["task"],
    result: is.task,
  }),
};
