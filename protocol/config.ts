/** `config.json`: what the host tells a runner at its start. Read-only inside the container; holds no secret. */
import { z } from "zod";
import { continuation } from "./rows.ts";

/** A provider's name is that of its folder in `container/providers`, or "null" for the one without a model. */
export const providerName = z.string().regex(/^[a-z0-9-]{1,50}$/, "1 to 50 of a-z, 0-9 and -");

const agentTool = z.object({
  /** What the model calls it. */
  name: z.string().regex(/^[a-z_]{1,60}$/),
  verb: z.string().max(61),
  description: z.string().max(4000),
  /** JSON Schema of its arguments. */
  schema: z.record(z.string(), z.unknown()),
});
export type AgentTool = z.infer<typeof agentTool>;

export const runnerConfig = z.object({
  /** Which provider runs the agent. A wrong name ends a turn, not the runner, so it is judged where it is loaded. */
  provider: z.string().max(50),
  /** The model's name for that provider; null leaves the choice to it. */
  model: z.string().max(200).nullable(),
  assistantName: z.string().max(100),
  /** IANA time zone of the person, e.g. "Europe/Berlin". */
  timeZone: z.string().max(100),
  /** The group's `.mcp.json` servers, as the agent SDK takes them. */
  mcpServers: z.record(z.string(), z.unknown()),
  /** The conversation to take up again, or null for a new one. */
  continuation: continuation.nullable(),
  /** The highest outbound number that the host has taken: the runner's next row is above it. */
  outboundCursor: z.int().min(0),
  /** How often the provider may try a failing model request before the turn ends in an error. */
  modelRetries: z.int().min(0).max(10),
  /** How long each part of a turn may go on without a sign of progress, and the whole turn, in milliseconds. */
  budgets: z.object({ model: z.int().min(1), tool: z.int().min(1), turn: z.int().min(1) }),
  /** The verbs of the host that the agent has as tools. */
  tools: z.array(agentTool).max(100),
});
export type RunnerConfig = z.infer<typeof runnerConfig>;
