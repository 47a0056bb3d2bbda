/**
 * Composes what one agent is told: the shared base, its group's CLAUDE.md and CLAUDE.local.md, and its `.mcp.json`.
 * These files are the host's alone; the container gets the result, read-only.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { Misuse } from "../lib/errors.ts";

/** Largest instructions file of a group, in bytes: it is sent with every model request. */
const MAX_INSTRUCTIONS = 200_000;

const mcpFile = z.object({ mcpServers: z.record(z.string().max(100), z.record(z.string(), z.unknown())) });

/** @param folder the group's folder. Files that are not there count as empty. */
export function composeInstructions(folder: string, name: string): string {
  const base = readFileSync(join(import.meta.dirname, "base.md"), "utf8").replaceAll("{name}", name);
  const own = ["CLAUDE.md", "CLAUDE.local.md"].map((file) => read(join(folder, file)).trim());
  return [base.trim(), ...own].filter(Boolean).join("\n\n");
}

/** The group's MCP servers. @throws Misuse when `.mcp.json` is there and wrong. */
export function readMcpServers(folder: string): Record<string, unknown> {
  const file = join(folder, ".mcp.json");
  const text = read(file);
  if (!text) return {};
  try {
    return mcpFile.parse(JSON.parse(text)).mcpServers;
  } catch {
    throw new Misuse(
      `${file} is not valid`,
      'It must look like {"mcpServers": {"name": {"command": "...", "args": []}}}.',
    );
  }
}

function read(file: string): string {
  try {
    const text = readFileSync(file, "utf8");
    if (text.length <= MAX_INSTRUCTIONS) return text;
    throw new Misuse(`${file} is too long (${text.length} characters)`, `Keep it under ${MAX_INSTRUCTIONS}.`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw error;
  }
}
