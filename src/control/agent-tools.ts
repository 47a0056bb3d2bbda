/** The verbs that agents have as tools: one table for the command line, the API and them. */
import { z } from "zod";
import { type Verb, verbs } from "../../api/verbs.ts";
import type { AgentTool } from "../../protocol/config.ts";
import type { CarryOut } from "../sessions/apply.ts";
import type { Store } from "../store/store.ts";
import type { Executor } from "./execute.ts";

const tools = Object.entries(verbs as Record<string, Verb>).flatMap(([verb, { tool, args }]) =>
  tool ? [{ ...tool, verb, args }] : [],
);

/** As the runner gets them. */
export const agentTools: AgentTool[] = tools.map(({ name, verb, description, own, args }) => ({
  ...{ name, verb, description },
  schema: z.toJSONSchema(without(args, own), { io: "input" }),
}));

/** zod can't know which fields there are. */
function without(args: z.ZodObject, own: string[]): z.ZodObject {
  return z.strictObject(Object.fromEntries(Object.entries(args.shape).filter(([field]) => !own.includes(field))));
}

/** Lets an agent's session ask for them, in the name of its agent group. */
export function carryOutFor(store: Store, executor: () => Executor): CarryOut {
  return ({ session, turn, number, verb, args }) => {
    const cause = store.turns.record(session.id, turn);
    const actor = { kind: "agent", id: session.agentGroup, session, turn, number, cause } as const;
    const known: Record<string, string> = {
      group: store.groups.agentGroup(session.agentGroup)?.folder ?? "",
      chat: `${session.channel}:${session.chat}`,
    };
    const own = tools.find((tool) => tool.verb === verb)?.own ?? [];
    const given = Object.fromEntries(own.map((field) => [field, known[field]]));
    const outcome = executor().carryOut(actor, verb, { ...args, ...given });
    return outcome.ok ? { ok: true, text: JSON.stringify(outcome.result) } : { ok: false, text: outcome.why };
  };
}
