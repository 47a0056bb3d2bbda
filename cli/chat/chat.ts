/** `ncl chat`: a conversation in a terminal; from a pipe, one message and its answer. */
import { text as readAll } from "node:stream/consumers";
import type { ControlClient } from "../client.ts";
import { exit, Leave, Usage } from "../outcome.ts";
import { plain } from "../text.ts";
import { ask } from "./ask.ts";
import { chatInTerminal } from "./interactive.ts";

export async function chat(client: ControlClient, name: string): Promise<void> {
  if (process.stdin.isTTY) return chatInTerminal(client, name);
  const text = (await readAll(process.stdin)).trim();
  if (!text) throw new Usage("there is nothing on standard input", "Try: echo hello | ./bin/ncl chat");
  const stop = new AbortController();
  process.once("SIGINT", () => stop.abort(new Leave(exit.interrupted)));
  const notice = (line: string) => void process.stderr.write(`! ${plain(line)}\n`);
  const { texts, failure } = await ask(client, { chat: name, text }, notice, stop.signal);
  if (texts.length > 0) process.stdout.write(`${plain(texts.join("\n\n"))}\n`);
  if (failure !== null) {
    notice(failure);
    throw new Leave(exit.failed);
  }
}
