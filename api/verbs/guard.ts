/** The information-flow guard: what agents have read and can see, and what they may do in spite of it. */
import { z } from "zod";
import * as is from "../results.ts";
import { folder, verb } from "../verb.ts";

const source = z
  .string()
  .max(320)
  .regex(/^(stranger|agent|file|host|tool):\S+$/, "write it as `ncl guard show` does, such as host:news.example.org")
  .describe("where it was read, as `ncl guard show` names it; host:* for every host");
const sink = z
  .string()
  .max(320)
  .regex(/^(read|write|chat):\S+$/, "write it as the question did, such as read:wiki.example.org or chat:telegram:42")
  .describe("where it may go: read:HOST, write:HOST or chat:CHANNEL:CHAT");
const what = z.string().min(1).max(400).describe("an agent group, or a chat as channel:chat");

export const guardVerbs = {
  "guard.show": verb({
    summary: "Show what an agent has read of strangers, since when, and what private things it can see",
    args: {
      what: z.string().min(1).max(100).optional().describe("an agent group or a session; the only group if left out"),
    },
    positional: ["what"],
    result: is.guard,
  }),
  "guard.clear": verb({
    summary: "Forget what an agent has read of strangers: you have looked, and there is nothing bad in it",
    args: { group: folder, private: z.boolean().default(false).describe("forget what it can see, too") },
    positional: ["group"],
    result: is.guard,
  }),
  "guard.private": verb({
    summary: "Say that an agent group, or what is said in a chat, is private",
    args: { what, undo: z.boolean().default(false).describe("it is no more") },
    positional: ["what"],
    result: is.done,
  }),
  "guard.waive": verb({
    summary: "Let what an agent reads at one place flow to another without asking",
    args: { group: folder, source, sink },
    positional: ["group", "source", "sink"],
    result: is.guardWaiver,
  }),
  "guard.unwaive": verb({
    summary: "Take a waiver back",
    args: { group: folder, source, sink },
    positional: ["group", "source", "sink"],
    result: is.done,
  }),
  "guard.waivers": verb({
    summary: "List the waivers of all agent groups",
    result: z.array(is.guardWaiver),
  }),
  "guard.off": verb({
    summary: "Switch the guard off for an agent group: then a poisoned page can send away what the agent can see",
    args: { group: folder },
    positional: ["group"],
    result: is.guardSwitch,
  }),
  "guard.on": verb({
    summary: "Switch the guard on again for an agent group",
    args: { group: folder },
    positional: ["group"],
    result: is.guardSwitch,
  }),
};
