/** Folders of the host that agents get. */
import { z } from "zod";
import * as is from "../results.ts";
import { folder, verb } from "../verb.ts";

const path = z.string().min(1).max(1000).startsWith("/", "give an absolute path").describe("a folder on this machine");
const write = z.boolean().default(false).describe("agents may also write there");

export const mountVerbs = {
  "mounts.list": verb({
    summary: "List the folders that agents may get, and those that they get",
    result: z.array(is.mount),
  }),
  "mounts.check": verb({
    summary: "Show what a folder would expose, without granting anything",
    args: { path },
    positional: ["path"],
    result: is.exposure,
  }),
  "mounts.allow": verb({
    summary: "Allow a folder, and what is below it, to be given to agents at all",
    args: { path, write },
    positional: ["path"],
    result: is.done,
  }),
  "mounts.forbid": verb({
    summary: "Take a folder off the list of those that may be given",
    args: { path },
    positional: ["path"],
    result: is.done,
  }),
  "mounts.add": verb({
    summary: "Give an agent an allowed folder as /mnt/<name>, from the next start of its container",
    args: {
      ...{ folder, path, write },
      name: z
        .string()
        .regex(/^[a-zA-Z0-9][a-zA-Z0-9_-]{0,49}$/, "use letters, digits, - and _")
        .optional()
        .describe("what it is called inside"),
      sensitive: z.boolean().default(false).describe("give it although it seems to hold secrets"),
    },
    positional: ["folder", "path"],
    result: is.granted,
  }),
  "mounts.remove": verb({
    summary: "Stop giving a folder to an agent, from the next start of its container",
    args: { folder, path },
    positional: ["folder", "path"],
    result: is.done,
  }),
};
