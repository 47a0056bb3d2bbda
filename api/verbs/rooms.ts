/** Chats, who may speak in them, and which agent listens there to what. */
import { z } from "zod";
import * as is from "../results.ts";
import { folder, verb } from "../verb.ts";

const chat = z.string().min(3).max(400).describe("the chat, as channel:chat");

const axes = {
  engage: is.engageMode
    .optional()
    .describe(
      "what the agent answers: always, what matches --pattern, what mentions it, or with mention-sticky also what follows in the thread or the next 30 minutes",
    ),
  pattern: z.string().max(400).optional().describe("a regular expression as RE2 has them, such as (?i)\\bnano\\b"),
  senders: is.senderScope.optional().describe("whom it hears: all who may speak there, or only those who are known"),
  ignored: is.ignoredPolicy
    .optional()
    .describe("what it does not answer is dropped, or accumulates and is told with the next message that it does"),
  sessionMode: is.sessionMode
    .optional()
    .describe("one conversation for the chat (shared), one a thread, or one over all chats (agent-shared)"),
  priority: z.int().min(-1000).max(1000).optional().describe("of several agents the highest is named first"),
};

export const roomVerbs = {
  "messaging-groups.list": verb({
    summary: "List the chats, whom each lets speak, and the agents that listen there",
    result: z.array(is.room),
  }),
  "messaging-groups.show": verb({
    summary: "Show a chat, and who was let in",
    args: { chat },
    positional: ["chat"],
    result: is.roomWhole,
  }),
  "messaging-groups.forget": verb({
    summary: "Forget that an agent was refused to a chat; the owner is asked again",
    args: { chat },
    positional: ["chat"],
    result: is.done,
  }),
  "messaging-groups.unknown": verb({
    summary: "Choose whether the owner is asked about a channel's chats that no agent is in",
    args: {
      channel: z
        .string()
        .regex(/^[a-z][a-z0-9-]{0,39}$/)
        .describe("the channel, such as telegram"),
      asks: is.asksAbout.describe("ask, or ignore what is said there"),
    },
    positional: ["channel", "asks"],
    result: is.unknownRooms,
  }),
  "wirings.list": verb({
    summary: "List which agent listens in which chat, and to what",
    args: { group: folder.optional(), chat: chat.optional() },
    result: z.array(is.wiring),
  }),
  "wirings.add": verb({
    summary: "Let an agent listen in a chat, which need not be known yet",
    args: { group: folder, chat, ...axes },
    positional: ["group", "chat"],
    result: is.wiring,
  }),
  "wirings.set": verb({
    summary: "Change what an agent listens to in a chat; what is left out stays",
    args: { group: folder, chat, ...axes },
    positional: ["group", "chat"],
    result: is.wiring,
  }),
  "wirings.remove": verb({
    summary: "Let an agent listen in a chat no longer; what was said to it is still answered",
    args: { group: folder, chat },
    positional: ["group", "chat"],
    result: is.done,
  }),
  "senders.policy": verb({
    summary: "Choose what becomes of what unknown people say in a chat",
    args: {
      chat,
      policy: is.senderPolicy.describe(
        "strict refuses it, request_approval asks the owner, public lets everybody speak",
      ),
    },
    positional: ["chat", "policy"],
    result: is.roomWhole,
  }),
  "senders.forget": verb({
    summary: "Forget that somebody was let in or refused in a chat; the owner is asked again",
    args: { chat, user: z.string().min(3).max(300).describe("who, as channel:handle") },
    positional: ["chat", "user"],
    result: is.done,
  }),
};
