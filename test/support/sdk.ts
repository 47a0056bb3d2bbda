/** The real Anthropic clients, as the Claude provider has them installed: for tests that must please the real thing. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type {
  Options,
  SDKUserMessage,
} from "../../container/providers/claude/node_modules/@anthropic-ai/claude-agent-sdk/sdk.d.ts";

export { Anthropic } from "../../container/providers/claude/node_modules/@anthropic-ai/sdk/index.mjs";

type AgentSdk = typeof import("../../container/providers/claude/node_modules/@anthropic-ai/claude-agent-sdk/sdk.d.ts");
/** Its types stand beside the code under another name than the one that is imported, so they are named by hand. */
const agentSdk = "../../container/providers/claude/node_modules/@anthropic-ai/claude-agent-sdk/sdk.mjs";
const { query } = (await import(agentSdk)) as AgentSdk;

export interface AgentRun {
  /** The final answer, or the words of the failure. */
  result: string;
  failed: boolean;
  session: string;
  /** Every assistant text in order, tool uses as `Name(input)`, tool results as `= text`. */
  steps: string[];
  /** Text deltas with the time when each was seen, milliseconds since the epoch. */
  deltas: { text: string; at: number }[];
}

/** Tells the agent each of these once, in a stream that stays open until the run has ended. */
async function* promptStream(prompts: { text: string; afterMs?: number }[], ended: Promise<void>) {
  for (const { text, afterMs } of prompts) {
    if (afterMs) await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, afterMs))]);
    yield { type: "user", message: { role: "user", content: text }, parent_tool_use_id: null } as SDKUserMessage;
  }
  await ended;
}

/** One run of the Claude Agent SDK against the model at `baseUrl`, in an empty workspace unless `cwd` says otherwise. */
export async function runAgent(
  baseUrl: string,
  prompts: { text: string; afterMs?: number }[],
  options: Options = {},
): Promise<AgentRun> {
  const home = mkdtempSync(join(tmpdir(), "agent-"));
  const run: AgentRun = { result: "", failed: false, session: "", steps: [], deltas: [] };
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  const messages = query({
    prompt: promptStream(prompts, ended),
    options: {
      cwd: home,
      tools: ["Bash", "Read", "Write"],
      permissionMode: "bypassPermissions",
      allowDangerouslySkipPermissions: true,
      settingSources: [],
      includePartialMessages: true,
      ...options,
      env: {
        PATH: process.env.PATH,
        HOME: options.cwd ?? home,
        IS_SANDBOX: "1",
        ANTHROPIC_BASE_URL: baseUrl,
        ANTHROPIC_API_KEY: "placeholder",
        CLAUDE_CODE_MAX_RETRIES: "1",
        CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
        ...options.env,
      },
    },
  });
  try {
    for await (const message of messages) {
      if (message.type === "stream_event") {
        const { event } = message;
        if (event.type === "content_block_delta" && event.delta.type === "text_delta") {
          run.deltas.push({ text: event.delta.text, at: Date.now() });
        }
      } else if (message.type === "assistant" || message.type === "user") {
        run.steps.push(...stepsOf(message.message.content));
      } else if (message.type === "result") {
        run.session = message.session_id;
        run.failed = message.is_error;
        run.result = message.subtype === "success" ? message.result : message.errors.join("; ");
        break;
      }
    }
  } finally {
    end();
    messages.close();
  }
  return run;
}

interface Block {
  type: string;
  text?: string;
  name?: string;
  input?: unknown;
  content?: unknown;
}

function stepsOf(content: string | readonly object[]): string[] {
  if (typeof content === "string") return [content];
  return (content as Block[]).flatMap((block) => {
    if (block.type === "text") return [block.text ?? ""];
    if (block.type === "tool_use") return [`${block.name}(${JSON.stringify(block.input)})`];
    if (block.type === "tool_result")
      return [`= ${typeof block.content === "string" ? block.content : JSON.stringify(block.content)}`];
    return [];
  });
}
