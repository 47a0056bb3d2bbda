/** What the host itself says in a conversation, in plain words: what happened and what to do now. */

import type { ErrorClass } from "../../protocol/rows.ts";
import { STOPPED_BY_METER } from "../gateway/meter.ts";
import type { Outcome } from "../store/outbox.ts";

const MOST_RECEIPTS = 50;

export const STOPPED = "Stopped.";
export const WITHOUT_ANSWER = "(The agent ended its turn without an answer.)";

/** Why the model gave no answer. `message` is the model's own, or the runner's. */
export function explain(kind: ErrorClass, message: string): string {
  const said = message.trim() ? `\n\nThe model's side said: ${oneLine(message)}` : "";
  switch (kind) {
    case "auth":
      return `I couldn't answer: the model's API refused the credential. Set a working one with \`ncl credentials set anthropic\`, then write again.${said}`;
    case "quota": {
      const [, own] = message.split(STOPPED_BY_METER);
      if (own) return `I stopped here: ${oneLine(own)}, then write again.`;
      return `I couldn't answer: the account's limit is reached. Wait for it to reset or raise it with the provider, then write again.${said}`;
    }
    case "overload":
      return `I couldn't answer: the model is overloaded, also after several tries. Please write again in a few minutes.${said}`;
    case "unreachable":
      return `I couldn't answer: the model's API can't be reached. Check this machine's network, \`ncl status\` shows the address; then write again.${said}`;
    case "context":
      return `I couldn't answer: this conversation has become longer than the model can read.${said}`;
    case "refused":
      return `I couldn't answer: the request to the model was refused.${said}`;
    case "stuck":
      return `I stopped this: ${message.trim() || "nothing came any more"}. Write again, or ask for it in smaller steps.`;
    case "loop":
      return `I stopped this because I was going round in circles: ${message.trim()}. Tell me how to go on.`;
    case "bug":
      return `I couldn't answer: something went wrong inside. \`ncl logs\` shows more. Writing again may help.${said}`;
  }
}

/** The container ended in the middle of a turn that is taken up again. */
export const interrupted = (cause: string, attempt: number, most: number): string =>
  `My container ended in the middle of the work (${cause}). I take it up again, try ${attempt} of ${most}.`;

/** ... and is not, because it happened too often. */
export const givenUp = (cause: string, tries: number): string =>
  `I give up on this after ${tries} tries: each time my container ended (last: ${cause}). \`ncl logs\` shows more. Write again to try anew.`;

/** No container could be started; what was said is kept. */
export const cannotStart = (cause: string, hint: string): string =>
  `I can't start my container right now: ${cause}. ${hint ? `${hint} ` : ""}Your message is kept and will be answered as soon as it works.`;

/** Nothing has taken a message up for a while. */
export const stillWaiting = (cause: string): string =>
  `Your message has to wait: ${cause}. It is kept, and answered as soon as that is over.`;

/** To the owner: containers of several tries in a row did not come up, or died. */
export const containersFail = (cause: string): string =>
  `Agents' containers keep failing (last: ${cause}). Whoever writes is told so. \`ncl status\` and \`ncl logs\` show more.`;

/** What the agent is told about messages that it sent; of the parts of a long one, the worst that became of them. */
export function receipts(outcomes: Outcome[]): string[] {
  const worst = new Map<number, Outcome>();
  for (const outcome of outcomes) {
    const known = worst.get(outcome.number);
    if (!known || WORSE.indexOf(outcome.state) > WORSE.indexOf(known.state)) worst.set(outcome.number, outcome);
  }
  const lines = [...worst.values()].slice(-MOST_RECEIPTS).map(({ number, kind, state, error }) => {
    const what = kind === "message" ? `message ${number}` : `the ${kind} ${number}`;
    if (state === "sent") return `${what} was delivered`;
    if (state === "unknown") return `whether ${what} arrived is not known: ${error ?? ""}`;
    return `${what} was not delivered: ${error ?? ""}`;
  });
  return lines.map(oneLine);
}

const WORSE: Outcome["state"][] = ["sent", "unknown", "dead"];
const oneLine = (text: string) => text.replace(/\s+/g, " ").slice(0, 500);
