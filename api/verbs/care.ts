/** Looking after the installation: status, the model, the outbox. */
import { z } from "zod";
import * as is from "../results.ts";
import { limit, verb } from "../verb.ts";

export const careVerbs = {
  status: verb({ summary: "Show how the host, its channels and its sessions are", result: is.status }),
  "host.stop": verb({ summary: "Stop the host; running turns are taken up again at the next start", result: is.done }),
  "model.use": verb({
    summary: "Choose which model answers",
    args: {
      model: z.enum(["practice", "anthropic"]).describe("the practice model needs no account"),
      address: z.url().max(500).optional().describe("where its API is, when not at the usual place"),
    },
    positional: ["model"],
    result: is.model,
  }),
  "outbox.list": verb({
    summary: "List messages on their way out",
    args: { state: is.outboxState.optional().describe("only those in this state"), limit },
    result: z.array(is.outboxRow),
  }),
  "outbox.retry": verb({
    summary: "Try a message again that was given up",
    args: { id: z.int().min(1).describe("its number in `ncl outbox list`") },
    positional: ["id"],
    result: is.done,
  }),
};
