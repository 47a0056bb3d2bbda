/** What a verb of NanoClaw is, and the arguments that many of them take. */
import { z } from "zod";

/** `agent`: agents may do it too, with what belongs to their own group. */
export type Authority = "owner" | "agent";

export interface Verb<Args extends z.ZodObject = z.ZodObject, Result extends z.ZodType = z.ZodType> {
  /** One line for help and docs, without a full stop. */
  summary: string;
  authority: Authority;
  /**
   * Every field carries `.describe()`. With `.meta({ secret: true })` it is never shown, logged or put in argv; with
   * `.meta({ generated: true })` the command line makes it up.
   */
  args: Args;
  /** Arguments that the command line takes without a flag, in this order. */
  positional: (keyof z.infer<Args> & string)[];
  /** What it resolves to; for a stream, one line of it. An array of objects is shown as a table. */
  result: Result;
  /** A stream answers with one JSON object a line until the caller hangs up. */
  stream: boolean;
  /** As what agents have it; null for a verb that is none of theirs. Its effect must not wait for anything. */
  tool: Tool | null;
}

interface Tool {
  name: string;
  /** For the model: what it does and when to use it. */
  description: string;
  /** Arguments that the agent's session fills in: its own group, its own chat. */
  own: string[];
  /** No person needs it: the command line leaves it out. */
  agentsOnly: boolean;
}

export function verb<Args extends z.ZodRawShape, Result extends z.ZodType>(declaration: {
  summary: string;
  args?: Args;
  positional?: (keyof Args & string)[];
  result: Result;
  stream?: boolean;
  tool?: Pick<Tool, "name" | "description"> & Partial<Tool>;
}): Verb<z.ZodObject<Args, z.core.$strict>, Result> {
  const { summary, result, stream = false } = declaration;
  const tool = declaration.tool ? { own: [], agentsOnly: false, ...declaration.tool } : null;
  const authority = tool ? "agent" : "owner";
  const args = z.strictObject(declaration.args ?? ({} as Args));
  const positional = (declaration.positional ?? []) as Verb<typeof args>["positional"];
  return { summary, authority, args, positional, result, stream, tool };
}

export const folder = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,39}$/, "use lower-case letters, digits and hyphens, at most 40")
  .describe("the agent group, by its folder name");
export const runtime = z.enum(["default", "runc", "runsc"]).describe("container runtime; runsc is gVisor");
export const number = z.int().min(0);
export const limit = z.int().min(1).max(1000).default(50).describe("how many at most");
export const timeZone = z.string().min(1).max(100).describe("IANA time zone of the person, such as Europe/Berlin");
