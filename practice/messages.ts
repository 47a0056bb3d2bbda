/** The part of the Anthropic Messages protocol that the practice model speaks, and the check of what it is sent. */

export interface Block {
  type: string;
  text?: string;
  id?: string;
  name?: string;
  input?: unknown;
  tool_use_id?: string;
  content?: string | Block[];
  is_error?: boolean;
}

export interface Message {
  role: "user" | "assistant" | "system";
  content: string | Block[];
}

export interface MessagesRequest {
  model: string;
  messages: Message[];
  max_tokens: number;
  system?: string | Block[];
  tools?: { name: string }[];
  stream?: boolean;
  output_config?: { format?: { type: string; schema?: unknown } };
}

export type ReplyBlock =
  | { type: "text"; text: string }
  | { type: "tool_use"; name: string; input: Record<string, unknown> };

/** What the model says to one request. */
export interface Reply {
  blocks: ReplyBlock[];
  /** Pause between two words, milliseconds; 0 says everything at once. */
  pace: number;
}

/** The request can't be answered as sent; `type` is one of the protocol's error types. */
export class RequestError extends Error {
  override readonly name = "RequestError";
  readonly status: number;
  readonly type: string;
  constructor(status: number, type: string, message: string) {
    super(message);
    this.status = status;
    this.type = type;
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** @throws RequestError that names the first field that is wrong, as the real API does. */
export function parseRequest(body: string): MessagesRequest {
  let request: unknown;
  try {
    request = JSON.parse(body);
  } catch {
    throw invalid("The request body is not valid JSON.");
  }
  if (!isObject(request)) throw invalid("The request body must be an object.");
  if (typeof request.model !== "string") throw invalid("model: Field required");
  if (!Array.isArray(request.messages) || request.messages.length === 0) {
    throw invalid("messages: at least one message is required");
  }
  for (const [index, message] of request.messages.entries()) checkMessage(message, `messages.${index}`);
  if (request.tools !== undefined && !(Array.isArray(request.tools) && request.tools.every(isObject))) {
    throw invalid("tools: Input should be a list of objects");
  }
  return request as unknown as MessagesRequest;
}

function checkMessage(message: unknown, at: string): void {
  if (!isObject(message)) throw invalid(`${at}: Input should be an object`);
  if (!["user", "assistant", "system"].includes(String(message.role))) throw invalid(`${at}.role: unexpected value`);
  checkContent(message.content, `${at}.content`);
}

function checkContent(content: unknown, at: string): void {
  if (typeof content === "string") return;
  if (!Array.isArray(content)) throw invalid(`${at}: Input should be a string or a list of blocks`);
  for (const [index, block] of content.entries()) {
    if (!isObject(block) || typeof block.type !== "string") throw invalid(`${at}.${index}.type: Field required`);
    if (block.type === "text" && typeof block.text !== "string") throw invalid(`${at}.${index}.text: Field required`);
    if (block.type === "tool_result" && block.content !== undefined)
      checkContent(block.content, `${at}.${index}.content`);
  }
}

function invalid(message: string): RequestError {
  return new RequestError(400, "invalid_request_error", message);
}

/** The text of a message or a tool result; other blocks (images) are left out. */
export function textOf(content: string | Block[] | undefined): string {
  if (content === undefined || typeof content === "string") return content ?? "";
  return content.flatMap((block) => (block.type === "text" ? [block.text ?? ""] : [])).join("\n");
}

/** A rough count, four characters a token, good enough to show meters moving. */
export function countTokens(value: unknown): number {
  return Math.ceil((typeof value === "string" ? value : JSON.stringify(value ?? "")).length / 4);
}
