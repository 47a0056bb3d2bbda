/** `ncl chat` in a terminal: one loop that takes events of the chat, lines and keys, and shows the result. */
import { createInterface, type Interface } from "node:readline";
import { styleText } from "node:util";
import { messageOf } from "../../src/lib/errors.ts";
import { type ControlClient, HostDown } from "../client.ts";
import { oneLine, plain } from "../text.ts";
import { type Conversation, isWorking, newConversation, take } from "./conversation.ts";
import { followChat, say } from "./follow.ts";
import { NEWLINE_SIGN, PASTE_OFF, PASTE_ON, PasteFilter } from "./paste.ts";
import { AppendScreen, LiveScreen, type Screen } from "./screen.ts";
import { noPaint, type Paint, PROMPT } from "./transcript.ts";

/** How many of the last messages are shown at the start. */
const TAIL = 20;
/** A second Ctrl-C within this many milliseconds leaves. */
const LEAVE_WITHIN = 2000;

const HELP = `Enter sends, Alt-Enter makes a new line. Ctrl-C stops the agent, twice leaves; Ctrl-D leaves.
/stop stops the agent, /approve 7 2 gives answer 2 to question 7, /quit leaves, //word sends a message that starts with a slash.`;

const colours: Paint = {
  dim: (text) => styleText("dim", text),
  bold: (text) => styleText("bold", text),
  warn: (text) => styleText("yellow", text),
};

/** Resolves when the person leaves. @throws HostDown when the host was never there */
export async function chatInTerminal(client: ControlClient, chat: string): Promise<void> {
  const leaving = new AbortController();
  const live = process.stdout.isTTY && process.env.TERM !== "dumb";
  const editor = live ? liveEditor() : createInterface({ input: process.stdin, terminal: false });
  const paint = live && process.stdout.hasColors() ? colours : noPaint;
  const screen = live ? new LiveScreen(process.stdout, editor, paint) : new AppendScreen(process.stdout, paint);
  const talk = new Talk(client, chat, screen, leaving);

  editor.on("line", (line) => talk.line(line));
  editor.on("close", () => leaving.abort());
  if (live) editor.on("SIGINT", () => talk.interrupt(editor));
  else process.on("SIGINT", () => talk.interrupt(null));
  try {
    await talk.follow();
  } finally {
    editor.close();
    if (live) restoreTerminal();
  }
  if (talk.unsent > 0) process.stderr.write(`${talk.unsent} of your messages could not be sent.\n`);
}

function liveEditor(): Interface {
  process.stdout.write(PASTE_ON);
  // However the process ends, the terminal works afterwards.
  process.once("exit", restoreTerminal);
  for (const signal of ["SIGTERM", "SIGHUP"] as const) process.once(signal, () => process.exit(0));
  const input = new PasteFilter(process.stdin);
  return createInterface({ input, output: process.stdout, terminal: true, prompt: PROMPT, historySize: 500 });
}

function restoreTerminal(): void {
  process.stdin.setRawMode(false);
  process.stdin.unref();
  process.stdout.write(`\r\x1b[J${PASTE_OFF}`);
  process.removeListener("exit", restoreTerminal);
}

function emptyLine(editor: Interface): void {
  editor.write(null, { ctrl: true, name: "e" });
  editor.write(null, { ctrl: true, name: "u" });
}

class Talk {
  readonly #client: ControlClient;
  readonly #chat: string;
  readonly #screen: Screen;
  readonly #leaving: AbortController;
  #state: Conversation = newConversation;
  /** Lines are sent one after the other, in the order in which they were typed. */
  #sending: Promise<void> = Promise.resolve();
  #interruptedAt = 0;

  constructor(client: ControlClient, chat: string, screen: Screen, leaving: AbortController) {
    this.#client = client;
    this.#chat = chat;
    this.#screen = screen;
    this.#leaving = leaving;
  }

  get unsent(): number {
    return this.#state.unsent.length;
  }

  async follow(): Promise<void> {
    const { signal } = this.#leaving;
    let met = false;
    try {
      for await (const event of followChat(this.#client, this.#chat, { tail: TAIL }, signal)) {
        if (event.type === "lost" && !met) throw new HostDown(false);
        met = true;
        const { state, news } = take(this.#state, event);
        this.#state = state;
        this.#screen.show(news, state);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  line(line: string): void {
    this.#screen.sent(line);
    const text = line.replaceAll(NEWLINE_SIGN, "\n").trim();
    if (text === "/quit") this.#leaving.abort();
    else if (text === "/help") this.#say(HELP);
    else if (text === "/stop") this.#stop();
    else if (text !== "") this.#send(text.startsWith("//") ? text.slice(1) : text);
    else this.#screen.show([], this.#state);
  }

  /** Ctrl-C: empties the line, else stops the agent, else says how to leave; the second one leaves. */
  interrupt(editor: Interface | null): void {
    if (editor?.line) {
      emptyLine(editor);
      return;
    }
    const again = Date.now() - this.#interruptedAt < LEAVE_WITHIN;
    this.#interruptedAt = Date.now();
    if (again) this.#leaving.abort();
    else if (isWorking(this.#state)) this.#stop();
    else this.#say("Ctrl-C again leaves.");
  }

  #send(text: string): void {
    const message = { chat: this.#chat, text };
    this.#unsent([...this.#state.unsent, message]);
    this.#sending = this.#sending
      .then(() => say(this.#client, message, true, this.#leaving.signal))
      .catch((error: unknown) => this.#failed(`Not sent (${oneLine(text, 40)})`, error))
      .then(() => this.#unsent(this.#state.unsent.filter((one) => one !== message)));
  }

  #unsent(unsent: Conversation["unsent"]): void {
    if (this.#leaving.signal.aborted) return;
    this.#state = { ...this.#state, unsent };
    this.#screen.show([], this.#state);
  }

  #stop(): void {
    this.#client.call("chat.stop", { chat: this.#chat }, { signal: this.#leaving.signal }).then(
      ({ stopped }) => this.#say(stopped ? "Stopping…" : "Nothing to stop."),
      (error: unknown) => this.#failed("Not stopped", error),
    );
  }

  #failed(what: string, error: unknown): void {
    if (this.#leaving.signal.aborted) return;
    const hint = error instanceof Error && "hint" in error ? ` ${error.hint}` : "";
    this.#say(plain(`! ${what}: ${messageOf(error)}.${hint}`));
  }

  #say(text: string): void {
    this.#screen.say(text, this.#state);
  }
}
