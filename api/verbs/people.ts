/** People: their handles, their roles, and what they may. */
import { z } from "zod";
import * as is from "../results.ts";
import { folder, verb } from "../verb.ts";

/** A handle as platforms write it: nothing invisible, and nothing that only looks like something else. */
const user = z
  .string()
  .max(300)
  .regex(/^[a-z][a-z0-9-]{0,39}:[^\s\p{C}]+$/u, "write it as channel:handle, as `ncl users list` shows them")
  .refine((text) => text.normalize("NFKC") === text, "it has characters that only look like others")
  .describe("a person, as channel:handle");
const group = folder.optional().describe("for this agent group; else for all");

export const peopleVerbs = {
  "users.list": verb({
    summary: "List the people that are known, which handles are the same person, and what each may",
    result: z.array(is.user),
  }),
  "users.link": verb({
    summary: "Say that two handles are the same person: what one may, the other may from then on",
    args: { user, as: user.describe("another handle of the same person") },
    positional: ["user", "as"],
    result: is.user,
  }),
  "users.unlink": verb({
    summary: "Take a handle out of a person's: it keeps the roles that were given to it",
    args: { user },
    positional: ["user"],
    result: is.user,
  }),
  "roles.list": verb({ summary: "List the owners and admins", result: z.array(is.role) }),
  "roles.grant": verb({
    summary: "Make somebody an owner, or an admin of one agent group or of all",
    args: { user, role: is.roleName, group },
    positional: ["user", "role"],
    result: is.user,
  }),
  "roles.revoke": verb({
    summary: "Take a role back",
    args: { user, role: is.roleName, group },
    positional: ["user", "role"],
    result: is.user,
  }),
  "members.list": verb({
    summary: "List the members of an agent group: people who may speak to it wherever it listens",
    ...{ least: "admin", of: "group" },
    args: { group: folder },
    positional: ["group"],
    result: z.array(is.user),
  }),
  "members.add": verb({
    summary: "Make somebody a member of an agent group",
    ...{ least: "admin", of: "group" },
    args: { group: folder, user },
    positional: ["group", "user"],
    result: is.user,
  }),
  "members.remove": verb({
    summary: "Take somebody out of an agent group",
    ...{ least: "admin", of: "group" },
    args: { group: folder, user },
    positional: ["group", "user"],
    result: is.user,
  }),
  can: verb({
    summary: "Tell whether somebody may do something, and why",
    args: {
      who: z.string().min(3).max(300).describe("a person as channel:handle, or an agent as agent:folder"),
      verb: z
        .string()
        .regex(/^[a-z][a-z-]*(\.[a-z][a-z-]*)?$/, "write it as tasks.add")
        .describe("the verb, such as tasks.add"),
      group: folder.optional().describe("whose thing it would touch; else that of all agents together"),
    },
    positional: ["who", "verb"],
    result: is.decision,
  }),
};
