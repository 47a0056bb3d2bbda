/**
 * The rules about a model request's body. A model's API is itself a way out: it can be asked to search the web, to call
 * servers, to load pictures and files by address. So only what a bundle names passes; all else is refused. Pure, and
 * without imports, because it runs in a process that holds nothing (drivers/door/inspector.ts).
 */
import { isListed } from "./names.ts";

export interface BodyRules {
  /** Fields of the request itself. */
  fields: string[];
  /** Types of tools: those that the client runs. */
  tools: string[];
  /** Types of content blocks. */
  blocks: string[];
  /** Where the content of an image or document may come from. */
  sources: string[];
}

export type BodyVerdict =
  | { allow: true; body: string; request: Record<string, unknown> }
  | { allow: false; why: string };

/** Content nests: a tool result holds blocks, a document may hold blocks. */
const MAX_DEPTH = 8;

class Refused extends Error {}

/** @returns on success the body written anew, so that what was inspected is exactly what is sent on */
export function inspectBody(rules: BodyRules, bytes: Uint8Array): BodyVerdict {
  try {
    const request = object(parse(bytes), "the body");
    for (const field of Object.keys(request)) {
      if (!rules.fields.includes(field)) throw new Refused(`the field "${shown(field)}" is not allowed (rule fields)`);
    }
    for (const [index, tool] of list(request.tools, "tools").entries()) checkTool(rules, tool, `tools.${index}`);
    checkContent(rules, request.system, "system", 0);
    for (const [index, message] of list(request.messages, "messages").entries()) {
      checkContent(rules, object(message, `messages.${index}`).content, `messages.${index}`, 0);
    }
    return { allow: true, body: JSON.stringify(request), request };
  } catch (error) {
    if (error instanceof Refused) return { allow: false, why: error.message };
    // A RangeError: nested too deeply to be written again.
    return { allow: false, why: "the body is nested too deeply" };
  }
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw new Refused("the body is not JSON in UTF-8");
  }
}

function checkTool(rules: BodyRules, value: unknown, at: string): void {
  const { type = "custom" } = object(value, at);
  if (typeof type !== "string" || !isListed(rules.tools, type)) {
    throw new Refused(`${at}: a tool of type "${shown(type)}" would act outside this machine (rule tools)`);
  }
}

function checkContent(rules: BodyRules, content: unknown, at: string, depth: number): void {
  if (content === undefined || content === null || typeof content === "string") return;
  if (depth > MAX_DEPTH) throw new Refused(`${at}: content is nested too deeply`);
  const blocks = Array.isArray(content) ? content : [content];
  for (const [index, block] of blocks.entries()) checkBlock(rules, block, `${at}.${index}`, depth);
}

function checkBlock(rules: BodyRules, value: unknown, at: string, depth: number): void {
  if (typeof value === "string") return;
  const block = object(value, at);
  if (typeof block.type !== "string" || !isListed(rules.blocks, block.type)) {
    throw new Refused(`${at}: content of type "${shown(block.type)}" is not allowed (rule blocks)`);
  }
  // The source of a search result is only its label, a text.
  const label = block.type === "search_result" && typeof block.source === "string";
  if (block.source !== undefined && !label) checkSource(rules, block.source, at, depth);
  if (block.type === "tool_addition") {
    const tool = object(block.tool, `${at}.tool`);
    if (tool.type !== "tool_reference") checkTool(rules, tool.definition, `${at}.tool.definition`);
  }
  checkContent(rules, block.content, at, depth + 1);
}

function checkSource(rules: BodyRules, value: unknown, at: string, depth: number): void {
  const source = object(value, `${at}.source`);
  if (typeof source.type !== "string" || !rules.sources.includes(source.type)) {
    throw new Refused(`${at}: content from a source of type "${shown(source.type)}" is not allowed (rule sources)`);
  }
  checkContent(rules, source.content, `${at}.source`, depth + 1);
}

function object(value: unknown, at: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Refused(`${at} is not an object`);
  return value as Record<string, unknown>;
}

function list(value: unknown, at: string): unknown[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw new Refused(`${at} is not a list`);
  return value;
}

/** A name from the request, short and harmless enough for a log. */
function shown(name: unknown): string {
  return String(name)
    .replace(/[^\w .:-]/g, "?")
    .slice(0, 60);
}
