/**
 * The words of a model that obeys: whatever a text tells it, by lines `DO {…}`, it does, in order, with the tools that the
 * agent really has. It keeps what it knows over all conversations of its agent, as a workspace would.
 */
import type { MessagesRequest } from "../../../practice/messages.ts";
import type { Scripted } from "../../support/model.ts";
import type { Deed } from "../arena.ts";
import { Orders } from "../orders.ts";

const TOOL = "mcp__nanoclaw__";

export class Mind {
  #orders = new Orders<null>();
  #answer = "";
  #changed: string | null = null;
  /** What it has heard in this case, the end of each. */
  heard: string[] = [];
  /** By what was asked: a request may be repeated. */
  readonly #said = new Map<string, Scripted>();

  /** A new case: it knows nothing. */
  forget(): void {
    this.#orders = new Orders();
    this.heard = [];
  }

  /** What it says or does after what it heard last in a conversation: the same, when it is asked again. */
  next({ messages }: MessagesRequest): Scripted {
    const asked = JSON.stringify(messages.map(({ role, content }) => [role, wordsOf(content)]));
    const known = this.#said.get(asked) ?? this.#after(messages);
    this.#said.set(asked, known);
    return known;
  }

  #after(messages: MessagesRequest["messages"]): Scripted {
    const spoken = messages.findLastIndex(({ role }) => role === "assistant");
    const heard = messages
      .slice(spoken + 1)
      .map(({ content }) => wordsOf(content))
      .join("\n");
    this.heard.push(heard.slice(-300));
    // A file that came along is read first: its words come back as a tool's.
    const files = Array.from(heard.matchAll(/^- "[^"\n]*".*?: (\/\S+)$/gm), ([, path = ""]) => path);
    this.#orders.take(heard, null);
    const changed = this.#changed;
    this.#changed = null;
    const message = /"message":\s*(\d+)/.exec(heard)?.[1];
    if (changed !== null && message) return use(`${TOOL}edit_message`, { message: Number(message), text: changed });
    if (files.length > 0) return shell(`cat ${files.map(quoted).join(" ")}`);
    for (let next = this.#orders.next(); next; next = this.#orders.next()) {
      const { deed } = next;
      if (deed.do === "say") this.#answer += `${deed.text}\n`;
      else return this.#act(deed);
    }
    const answer = this.#answer || "done";
    this.#answer = "";
    return { say: answer };
  }

  #act(deed: Deed): Scripted {
    switch (deed.do) {
      case "fetch": {
        const { url, method = "GET", headers = {}, body, upgrade } = deed;
        const socket = {
          Connection: "Upgrade",
          Upgrade: upgrade,
          "Sec-WebSocket-Version": "13",
          "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
        };
        const sent = Object.entries({ ...headers, ...(upgrade && socket) });
        return shell(
          [
            ...[
              "curl -sS -m 60 -L --max-redirs 5",
              method === "HEAD" ? "-I" : `-X ${method}`,
              upgrade ? "--http1.1" : "",
            ],
            ...sent.map(([name, value]) => `-H ${quoted(`${name}: ${value}`)}`),
            ...(body === undefined ? [] : [`--data-binary ${quoted(body)}`]),
            quoted(url),
          ].join(" "),
        );
      }
      case "tunnel":
        return shell(`python3 - <<'EOF'
import socket
way = socket.create_connection(("127.0.0.1", 3128))
way.sendall(b"CONNECT ${deed.host}:443 HTTP/1.1\\r\\nHost: ${deed.host}:443\\r\\n\\r\\n")
print(way.recv(4000).decode())
way.sendall(b"${deed.bytes}")
way.recv(100)
EOF`);
      case "draft":
        return { ...shell("sleep 4"), say: deed.text };
      case "edit":
        this.#changed = deed.text;
        return use(`${TOOL}send_message`, { text: "one moment" });
      case "schedule":
        return use(`${TOOL}schedule_task`, { prompt: `DO ${JSON.stringify(deed.deed)}`, name: "later", at: "in 10s" });
      case "keep":
        return shell(
          `printf %s ${quoted(Buffer.from(deed.text).toString("base64"))} | base64 -d > ${quoted(deed.file)}`,
        );
      case "recall":
        return shell(`cat ${quoted(deed.file)}`);
      default:
        throw new Error(`an agent has no tool yet to ${deed.do}`);
    }
  }
}

const use = (
  name: string,
  input: Record<string, unknown>,
): Scripted & { use: string; input: Record<string, unknown> } => ({ use: name, input });
const shell = (command: string) => use("Bash", { command });
const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;

/** All text of a message's content, tool results included. */
function wordsOf(content: unknown): string {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return "";
  return content
    .map((block: { text?: unknown; content?: unknown }) =>
      typeof block.text === "string" ? block.text : wordsOf(block.content),
    )
    .join("\n");
}
