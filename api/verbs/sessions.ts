/** Sessions: the conversations of agents. */
import { z } from "zod";
import * as is from "../results.ts";
import { folder, limit, verb } from "../verb.ts";

const session = z.string().min(1).max(100).describe("its id in `ncl sessions list`");

export const sessionVerbs = {
  "sessions.list": verb({
    summary: "List the sessions and what each is doing, the latest used first",
    ...{ least: "member", of: "group" },
    args: { group: folder.optional().describe("only of this agent group"), limit },
    result: z.array(is.session),
  }),
  "sessions.show": verb({
    summary: "Show a session: what it is doing, for whom, with which model",
    ...{ least: "guest", of: "found" },
    args: { session },
    positional: ["session"],
    result: is.sessionWhole,
  }),
  "sessions.stop": verb({
    summary: "Stop what runs and waits in a session",
    ...{ least: "guest", of: "found" },
    args: { session },
    positional: ["session"],
    result: is.stopped,
  }),
  "sessions.reset": verb({
    summary: "Begin a session's conversation anew; what runs is stopped, and what was said is kept but not in mind",
    ...{ least: "member", of: "found" },
    args: { session },
    positional: ["session"],
    result: is.done,
  }),
};
