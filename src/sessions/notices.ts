/** What the host itself says in a conversation, in plain words: what happened and what to do now. */
import type { ErrorClass } from "../../protocol/rows.ts";

export const STOPPED = "Stopped, as you asked.";
export const WITHOUT_ANSWER = "(The agent ended its turn without an answer.)";

/** Why the model gave no answer. `message` is the model's own, or the runner's. */
export function explain(kind: ErrorClass, message: string): string {
  const said = message.trim() ? `\n\nThe model's side said: ${oneLine(message)}` : "";
  switch (kind) {
    case "auth":
      return `I couldn't answer: the model's API refused the credential. Set a working one with \`ncl credentials set anthropic\`, then write again.${said}`;
    case "quota":
      return `I couldn't answer: the account's limit is reached. Wait for it to reset or raise it with the provider, then write again.${said}`;
    case "overload":
      return `I couldn't answer: the model is overloaded, also after several tries. Please write again in a few minutes.${said}`;
    case "unreachable":
      return `I couldn't answer: the model's API can't be reached. Check this machine's network, \`ncl status\` shows the address; then write again.${said}`;
    case "context":
      return `I couldn't answer: this conversation has become longer than the model can read.${said}`;
    case "refused":
      return `I couldn't answer: the request to the model was refused.${said}`;
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

const oneLine = (text: string) => text.replace(/\s+/g, " ").slice(0, 500);
