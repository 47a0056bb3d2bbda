/** What agents say beside their answers. */
import { z } from "zod";
import { MAX_TEXT } from "../../protocol/rows.ts";
import * as is from "../results.ts";
import { verb } from "../verb.ts";

const message = z.int().min(1).describe("the number of the message");

export const messageVerbs = {
  "messages.send": verb({
    summary: "Say something in the conversation before the turn ends",
    args: {
      text: z.string().max(MAX_TEXT).default("").describe("what to say; may be empty where there are files"),
      files: z.array(z.string().max(500)).max(5).default([]).describe("files to send, as paths in your workspace"),
    },
    result: is.agentMessage,
    tool: {
      name: "send_message",
      description:
        "Says something to the people in this conversation now, while you go on working: a sign of progress, or a file. Your answer at the end of the turn is delivered by itself, so don't use this for it. What became of the message is told to you later, by its number.",
      agentsOnly: true,
    },
  }),
  "messages.edit": verb({
    summary: "Change a message that the agent said",
    args: { message, text: z.string().min(1).max(MAX_TEXT).describe("what it is to say instead") },
    result: is.agentMessage,
    tool: {
      name: "edit_message",
      description: "Changes a message of your own that was delivered, by its number. Not every platform can do that.",
      agentsOnly: true,
    },
  }),
  "messages.react": verb({
    summary: "React to a message with an emoji",
    args: { message, emoji: z.string().max(20).describe("one emoji; empty takes your reaction away") },
    result: is.done,
    tool: {
      name: "react",
      description: "Reacts to a message of this conversation with an emoji, by the number in its tag.",
      agentsOnly: true,
    },
  }),
};
