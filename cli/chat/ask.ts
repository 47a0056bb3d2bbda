/** One question and its whole answer: what `claw` and a chat without a terminal do. */
import type { ControlClient } from "../client.ts";
import { followChat, say } from "./follow.ts";

export interface Answer {
  /** What the agent said, in order; empty when it chose to say nothing. */
  texts: string[];
  /** Why there is no answer, as the host says it in the chat; null when there is one. */
  failure: string | null;
}

/**
 * Resolves when the message is dealt with for good.
 * @param notice told what the host says meanwhile, such as that it tries again
 * @throws what the client throws, and the signal's reason
 */
export async function ask(
  client: ControlClient,
  message: { chat: string; text: string },
  notice: (text: string) => void,
  signal: AbortSignal,
): Promise<Answer> {
  const n = await say(client, message, false, signal);
  const texts: string[] = [];
  for await (const event of followChat(client, message.chat, { after: n }, signal)) {
    if (event.type !== "message" || event.author === "person") continue;
    const final = event.answers.includes(n);
    // Another terminal's question in the same chat.
    if (!final && event.answers.length > 0) continue;
    if (event.author === "system" && final) return { texts, failure: event.text };
    if (event.author === "system") notice(event.text);
    else if (event.text) texts.push(event.text);
    if (final) return { texts, failure: null };
  }
  throw new Error("the chat ended before the answer came");
}
