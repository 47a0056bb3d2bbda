/** Agent groups. */
import { z } from "zod";
import { providerName } from "../../protocol/config.ts";
import * as is from "../results.ts";
import { folder, runtime, timeZone, verb } from "../verb.ts";

const provider = providerName.describe("which engine runs the agent, such as claude");
const groupName = z.string().min(1).max(100).describe("what the agent is called");

export const groupVerbs = {
  "groups.list": verb({ summary: "List the agent groups", result: z.array(is.group) }),
  "groups.init": verb({
    summary: "Make an agent group and wire the main terminal chat to it where that has none; safe to repeat",
    args: {
      ...{ folder, name: groupName, timeZone },
      provider: provider.default("claude"),
    },
    positional: ["folder"],
    result: is.group,
  }),
  "groups.set": verb({
    summary: "Change an agent group; it holds from the next start of its container, and idle ones end",
    ...{ least: "admin", of: "folder" },
    args: {
      folder,
      name: groupName.optional(),
      timeZone: timeZone.optional().meta({ least: "owner" }),
      provider: provider.optional().meta({ least: "owner" }),
      model: z.string().min(1).max(200).optional().describe("the provider's name of the model, or default"),
      runtime: runtime.optional().meta({ least: "owner" }),
    },
    positional: ["folder"],
    result: is.group,
  }),
};
