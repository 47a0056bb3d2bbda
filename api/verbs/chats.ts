/** Terminal chats. */
import { z } from "zod";
import { MAX_TEXT } from "../../protocol/rows.ts";
import * as is from "../results.ts";
import { folder, limit, number, runtime, verb } from "../verb.ts";

const chat = z.string().min(1).max(100).default("main").describe("the terminal chat");

export const chatVerbs = {
  "chat.send": verb({
    summary: "Say something in a terminal chat",
    args: {
      chat,
      text: z.string().min(1).max(MAX_TEXT).describe("what to say"),
      key: z
        .string()
        .min(8)
        .max(100)
        .meta({ generated: true })
        .describe("names this message, so that repeating the request never says it twice"),
    },
    positional: ["text"],
    result: is.sent,
  }),
  "chat.follow": verb({
    summary: "Follow a terminal chat: its messages, then what happens in it",
    args: {
      chat,
      after: number.optional().describe("start after the message of this number"),
      tail: number.max(1000).optional().describe("without --after: start with this many of the last messages"),
    },
    result: is.chatEvent,
    stream: true,
  }),
  "chat.stop": verb({ summary: "Stop the turn that runs for a terminal chat", args: { chat }, result: is.stopped }),
  "chat.list": verb({
    summary: "List the terminal chats, the latest used first",
    args: { limit },
    result: z.array(is.chat),
  }),
  "claw.open": verb({
    summary: "Open a terminal chat of its own with an agent, or take one up again",
    args: {
      group: folder.optional(),
      session: z.string().min(1).max(100).optional().describe("the session to take up again"),
      runtime: runtime.optional(),
    },
    result: is.clawChat,
  }),
};
