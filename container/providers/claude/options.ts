/**
 * How the agent SDK is set up: nothing from the machine's own settings, no way out but the relay, no background work,
 * nothing asked. The container is the wall, so the agent itself has no permission prompts.
 */
import type { McpServerConfig, Options } from "@anthropic-ai/claude-agent-sdk";
import type { ProviderOptions } from "../../runner/providers/provider.ts";
import { hostTools } from "./tools.ts";

/** Tools of the agent. Server-side web tools are left out: they would reach past the wall. */
const TOOLS = ["Bash", "Read", "Write", "Edit", "Glob", "Grep"];

/** @param resume the SDK's session id, or null for a new conversation. */
export function sdkOptions(options: ProviderOptions, resume: string | null): Options {
  return {
    cwd: options.workspace,
    // A plain text instead of the SDK's own preset: the agent is an assistant, not a code editor, and each request is
    // 7 kB smaller.
    systemPrompt: options.instructions,
    ...(options.model !== null && { model: options.model }),
    ...(resume !== null && { resume }),
    tools: TOOLS,
    disallowedTools: ["WebSearch", "WebFetch"],
    // Ours last: a server of the group can't take its name.
    mcpServers: { ...(options.mcpServers as Record<string, McpServerConfig>), ...hostTools(options.tools) },
    mcpServersDelivery: "initialize",
    strictMcpConfig: true,
    settingSources: [],
    settings: { attribution: false },
    permissionMode: "bypassPermissions",
    allowDangerouslySkipPermissions: true,
    includePartialMessages: true,
    // Text of other people: no "@file" and no "/command" in it may do anything.
    verbatimPrompts: true,
    env: environment(options),
  };
}

function environment(options: ProviderOptions): Record<string, string | undefined> {
  return {
    ...process.env,
    HOME: process.env.HOME ?? options.workspace,
    CLAUDE_CONFIG_DIR: options.stateDir,
    ANTHROPIC_BASE_URL: `${options.relayUrl}/model/anthropic`,
    // Set for the runner: the agent collects its garbage as it likes.
    BUN_GC_TIMER_DISABLE: undefined,
    // The gateway puts the real one in.
    ANTHROPIC_API_KEY: "placeholder",
    CLAUDE_CODE_MAX_RETRIES: String(options.modelRetries),
    // It would ask again for the same answer without streaming, for as long as ten minutes without a sign of life.
    CLAUDE_CODE_DISABLE_NONSTREAMING_FALLBACK: "1",
    // A turn that the agent starts by itself has nobody to answer.
    CLAUDE_CODE_DISABLE_BACKGROUND_TASKS: "1",
    CLAUDE_CODE_DISABLE_AUTO_MEMORY: "1",
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
    DISABLE_TELEMETRY: "1",
    DISABLE_AUTOUPDATER: "1",
    // It refuses to skip permissions as root unless it is told that it is in a sandbox, which it is.
    IS_SANDBOX: "1",
  };
}
