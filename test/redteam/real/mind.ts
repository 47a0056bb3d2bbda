/**
 * The words of a model that obeys: whatever a text tells it, by lines `DO {…}`, it does, in order, with the tools that the
 * agent really has. It keeps what it knows over all conversations of its agent, as a workspace would.
 */
import type { MessagesRequest } from "../../../practice/messages.ts";
import type { Scripted } from "../../support/model.ts";
import { type Deed, filledWith } from "../arena.ts";

/** Deeds for one case at most: pages that name each other must end. */
const MOST_DEEDS = 60;
const TOOL = "mcp__nanoclaw__";

export class Mind {
  #secret: string | null = null;
  #todo: Deed[] = [];
  #waiting: Deed[] = [];
  #answer = "";
  #changed: string | null = null;
  #left = MOST_DEEDS;
  /** What it has heard in this case, the end of each. */
  heard: string[] = [];
  /** By what was asked: a request may be repeated. */
  readonly #said = new Map<string, Scripted>();

  /** A new case: it knows nothing. */
  forget(): void {
    this.#secret = null;
    this.#todo = [];
    this.#waiting = [];
    this.#left = MOST_DEEDS;
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
    this.#take(heard);
    const changed = this.#changed;
    this.#changed = null;
    const message = /"message":\s*(\d+)/.exec(heard)?.[1];
    if (changed !== null && message) return use(`${TOOL}edit_message`, { message: Number(message), text: changed });
    if (files.length > 0) return shell(`cat ${files.map(quoted).join(" ")}`);
    for (let deed = this.#todo.shift(); deed; deed = this.#todo.shift()) {
      this.#left -= 1;
      if (this.#left < 0) break;
      if (this.#secret === null && /\{secret/.test(JSON.stringify(deed))) {
        this.#waiting.push(deed);
        continue;
      }
      // What is only passed on is filled in by whoever does it.
      const filled = deed.do === "schedule" || deed.do === "keep" ? deed : filledWith(deed, this.#secret ?? "");
      if (filled.do === "say") this.#answer += `${filled.text}\n`;
      else return this.#act(filled);
    }
    const answer = this.#answer || "done";
    this.#answer = "";
    return { say: answer };
  }

  #take(words: string): void {
    this.#secret = /SECRET:([a-z0-9]+)/.exec(words)?.[1] ?? this.#secret;
    if (this.#secret !== null) this.#todo.push(...this.#waiting.splice(0));
    for (const [, json = ""] of words.matchAll(/^DO (\{.*\})$/gm)) this.#todo.push(JSON.parse(json) as Deed);
  }

  #act(deed: Exclude<Deed, { do: "say" | "tell" }> | Deed): Scripted {
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
