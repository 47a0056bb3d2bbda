/** Questions put to people, and people who are not known. */
import { z } from "zod";
import * as is from "../results.ts";
import { limit, verb } from "../verb.ts";

const question = z.int().min(1).describe("the number of the question");
const chat = z.string().min(3).max(400).describe("the chat, as channel:chat");

export const approvalVerbs = {
  "approvals.list": verb({
    summary: "List questions put to people, the latest first",
    args: { state: is.approvalState.optional().describe("only those in this state"), limit },
    result: z.array(is.approval),
  }),
  "approvals.show": verb({
    summary: "Show a question whole, and what became of it",
    args: { question },
    positional: ["question"],
    result: is.approvalWhole,
  }),
  "approvals.answer": verb({
    summary: "Answer a question, by the number or the name of a choice",
    // Each kind of question says what it takes to answer it.
    ...{ least: "guest", of: "found" },
    args: {
      question,
      choice: z
        .string()
        .regex(/^[a-z0-9-]{1,30}$/, "use the number or the name of a choice")
        .describe("as `ncl approvals show` lists them"),
    },
    positional: ["question", "choice"],
    result: is.approvalAnswer,
  }),
  "senders.list": verb({
    summary: "List the chats, whom each lets speak to its agent, and who was let in",
    result: z.array(is.senders),
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
    result: is.senders,
  }),
  "senders.forget": verb({
    summary: "Forget that somebody was let in or refused in a chat; the owner is asked again",
    args: { chat, user: z.string().min(3).max(300).describe("who, as channel:handle") },
    positional: ["chat", "user"],
    result: is.done,
  }),
};
