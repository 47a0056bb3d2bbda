/** Questions put to people. */
import { z } from "zod";
import * as is from "../results.ts";
import { limit, verb } from "../verb.ts";

const question = z.int().min(1).describe("the number of the question");

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
};
