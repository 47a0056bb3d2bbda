/** How much agents' workspaces may hold. */
import { z } from "zod";
import * as is from "../results.ts";
import { folder, verb } from "../verb.ts";

export const quotaVerbs = {
  "quota.list": verb({
    summary: "List how much each agent's workspace may hold, and what it held when it was last looked into",
    result: z.array(is.quota),
  }),
  "quota.set": verb({
    summary: "Set how much an agent's workspace may hold; what is not given stays as it is",
    args: {
      folder,
      gigabytes: z
        .number()
        .min(0.001)
        .max(100_000)
        .optional()
        .describe("thousand million bytes, as they lie on the disk"),
      files: z.int().min(100).max(5_000_000).optional().describe("files and folders"),
    },
    positional: ["folder"],
    result: is.quota,
  }),
  "quota.check": verb({
    summary: "Look into an agent's workspace now; what runs there is stopped where it is above its limit",
    args: { folder },
    positional: ["folder"],
    result: is.quota,
  }),
};
