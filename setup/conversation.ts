/** Talks to the first agent over the control API: enough to see that the whole path works. */

import type { VerbInput, VerbResult } from "../api/verbs.ts";
import type { ControlClient } from "../cli/client.ts";
import { Misuse } from "../src/lib/errors.ts";

type ChatEvent = VerbResult<"chat.follow">;
/** The terminal chat that the first agent is wired to. */
const CHAT = "main";
const HINT = "Look at `bin/ncl status` and `bin/ncl logs`, then run this again.";

/** Follows the chat until `look` returns something. @throws Misuse when nothing came within `deadline` milliseconds */
async function follow<T>(
  control: ControlClient,
  args: VerbInput<"chat.follow">,
  deadline: number,
  waitedFor: string,
  look: (event: ChatEvent) => T | null,
): Promise<T> {
  const signal = AbortSignal.timeout(deadline);
  try {
    for await (const event of control.stream("chat.follow", args, { signal })) {
      const found = look(event);
      if (found !== null) return found;
    }
  } catch (error) {
    if (!signal.aborted) throw error;
    throw new Misuse(`${waitedFor} did not arrive within ${deadline / 1000} s`, HINT);
  }
  throw new Misuse(`the host ended the conversation before ${waitedFor} arrived`, HINT);
}

export type Welcome = "seen" | "absent" | "failed before";

/** What the conversation so far says about the agent's welcome. */
export function welcomeSoFar(control: ControlClient, deadline: number): Promise<Welcome> {
  let so: Welcome = "absent";
  return follow<Welcome>(control, { chat: CHAT, tail: 1000 }, deadline, "the conversation so far", (event) => {
    if (event.type === "message" && event.author === "agent") so = "seen";
    if (event.type === "message" && event.author === "system" && so === "absent") so = "failed before";
    return event.type === "idle" ? so : null;
  });
}

/** Resolves when the agent has said something of itself. @throws Misuse with what the host said instead */
export function welcomeArrives(control: ControlClient, deadline: number): Promise<string> {
  return follow(control, { chat: CHAT, tail: 1000 }, deadline, "the agent's welcome", (event) => {
    if (event.type !== "message") return null;
    if (event.author === "system") throw new Misuse(`instead of its welcome: ${event.text}`, HINT);
    return event.author === "agent" ? event.text : null;
  });
}

/**
 * Says `text` and waits for the whole answer.
 * @param key names this message: the same key never says it twice
 * @throws Misuse when the turn failed or `deadline` milliseconds passed
 */
export async function askOnce(control: ControlClient, text: string, key: string, deadline: number): Promise<string> {
  const { n } = await control.call("chat.send", { chat: CHAT, text, key });
  const said: string[] = [];
  return follow(control, { chat: CHAT, after: n }, deadline, "the agent's answer", (event) => {
    if (event.type !== "message" || event.author === "person") return null;
    const final = event.answers.includes(n);
    if (event.author === "system") {
      if (final) throw new Misuse(event.text, HINT);
      return null;
    }
    said.push(event.text);
    return final ? said.join("\n\n") : null;
  });
}
