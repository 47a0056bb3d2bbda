/** The host's tools for the agent SDK: an MCP server inside this process, one for each process of the agent. */
import { createSdkMcpServer, type McpSdkServerConfigWithInstance } from "@anthropic-ai/claude-agent-sdk";
import { z } from "zod";
import type { HostTool } from "../../runner/providers/provider.ts";

const NAME = "nanoclaw";
const PREFIX = `mcp__${NAME}__`;
/** The SDK's own end of a call, in milliseconds: far beyond what the runner lets a tool take, which says more. */
const CALL_TIME = 3_600_000;

const listTools = z.object({ method: z.literal("tools/list") });
const callTool = z.object({
  method: z.literal("tools/call"),
  params: z.object({ name: z.string(), arguments: z.record(z.string(), z.unknown()).optional() }),
});

/** What people call a tool that the model knows by this name. */
export const plainName = (name: string) => (name.startsWith(PREFIX) ? name.slice(PREFIX.length) : name);

export function hostTools(tools: HostTool[]): Record<string, McpSdkServerConfigWithInstance> {
  if (tools.length === 0) return {};
  const made = createSdkMcpServer({ name: NAME, timeout: CALL_TIME, tools: [] });
  // Below the SDK's own helpers, which want zod: the model gets the JSON Schemas as they are.
  const { server } = made.instance;
  server.setRequestHandler(listTools, () => ({
    tools: tools.map(({ name, description, schema }) => ({
      name,
      description,
      inputSchema: { ...schema, type: "object" as const },
      // Else the model would have to search for them first.
      _meta: { "anthropic/alwaysLoad": true },
    })),
  }));
  server.setRequestHandler(callTool, async ({ params }) => {
    const tool = tools.find(({ name }) => name === params.name);
    const { ok, text } = (await tool?.call(params.arguments ?? {})) ?? {
      ok: false,
      text: `There is no ${params.name}.`,
    };
    // The model's API refuses an empty text.
    return { content: [{ type: "text", text: text || (ok ? "Done." : "It failed.") }], isError: !ok };
  });
  return { [NAME]: made };
}
