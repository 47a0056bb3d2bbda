/** What a verb of NanoClaw is, and the arguments that many of them take. */
import { z } from "zod";

/** What a person may be, from the highest on. A guest is whoever may speak in a chat without being known there. */
export type Role = "owner" | "admin" | "member" | "guest";

export interface Verb<Args extends z.ZodObject = z.ZodObject, Result extends z.ZodType = z.ZodType> {
  /** One line for help and docs, without a full stop. */
  summary: string;
  /** The least role that lets a person do it. */
  least: Role;
  /** Agents may do it too, with what belongs to their own group. */
  agents: boolean;
  /**
   * Whose thing it touches: `all` needs a role for all agents; `found` is known only when it is carried out, and the gate is
   * asked again then; else the argument that names the agent group.
   */
  of: string;
  /**
   * Every field carries `.describe()`. With `.meta({ secret: true })` it is never shown, logged or put in argv; with
   * `.meta({ generated: true })` the command line makes it up; with `.meta({ least: "owner" })` it takes that role to give it.
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
  least?: Role;
  of?: "all" | "found" | (keyof Args & string);
  args?: Args;
  positional?: (keyof Args & string)[];
  result: Result;
  stream?: boolean;
  tool?: Pick<Tool, "name" | "description"> & Partial<Tool>;
}): Verb<z.ZodObject<Args, z.core.$strict>, Result> {
  const { summary, result, stream = false, least = "owner", of = "all" } = declaration;
  const tool = declaration.tool ? { own: [], agentsOnly: false, ...declaration.tool } : null;
  const args = z.strictObject(declaration.args ?? ({} as Args));
  const positional = (declaration.positional ?? []) as Verb<typeof args>["positional"];
  return { summary, least, agents: tool !== null, of, args, positional, result, stream, tool };
}

export const folder = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,39}$/, "use lower-case letters, digits and hyphens, at most 40")
  .describe("the agent group, by its folder name");
export const runtime = z.enum(["default", "runc", "runsc"]).describe("container runtime; runsc is gVisor");
export const number = z.int().min(0);
export const limit = z.int().min(1).max(1000).default(50).describe("how many at most");
export const timeZone = z.string().min(1).max(100).describe("IANA time zone of the person, such as Europe/Berlin");
