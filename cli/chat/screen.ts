/** Puts a chat on a terminal (redrawn in place) or into a stream (appended). Layout comes from transcript.ts. */
import type { Interface } from "node:readline";
import type { WriteStream } from "node:tty";
import { plain, widthOf } from "../text.ts";
import type { Conversation, News } from "./conversation.ts";
import { appended, liveLines, newsLines, type Paint, PROMPT } from "./transcript.ts";

export interface Screen {
  /** Shows what is new for good, then the state as it is now. */
  show(news: News[], state: Conversation): void;
  /** A line of the chat program itself. */
  say(text: string, state: Conversation): void;
  /** The person sent this line: take it off the screen, the log will show it. */
  sent(line: string): void;
}

const CLEAR_DOWN = "\x1b[J";
const WRAP_OFF = "\x1b[?7l";
const WRAP_ON = "\x1b[?7h";
const up = (rows: number) => (rows > 0 ? `\x1b[${rows}A` : "");

/** The prompt stays below; above it a region that is redrawn; above that the transcript, which scrolls away. */
export class LiveScreen implements Screen {
  readonly #output: WriteStream;
  readonly #editor: Interface;
  readonly #paint: Paint;
  /** Rows between the transcript and the prompt. */
  #height = 0;

  constructor(output: WriteStream, editor: Interface, paint: Paint) {
    this.#output = output;
    this.#editor = editor;
    this.#paint = paint;
  }

  /** Some terminals don't tell their size. */
  get #size() {
    return { columns: this.#output.columns || 80, rows: this.#output.rows || 24 };
  }

  show(news: News[], state: Conversation): void {
    const lines = news.flatMap((item) => newsLines(item, this.#size.columns, this.#paint));
    this.#draw(lines, state);
  }

  say(text: string, state: Conversation): void {
    this.#draw(text.split("\n").map(this.#paint.dim), state);
  }

  sent(line: string): void {
    const rows = Math.floor(widthOf(PROMPT + line) / this.#size.columns) + 1;
    this.#output.write(up(rows) + CLEAR_DOWN);
  }

  #draw(lines: string[], state: Conversation): void {
    const { columns, rows } = this.#size;
    const below = this.#editor.getCursorPos().rows;
    const live = liveLines(state, { columns, rows: rows - below - 2 }, this.#paint);
    const text = (all: string[]) => all.map((line) => `${line}\n`).join("");
    this.#output.write(
      // The editor goes up again by the rows of its input before it redraws: hence the newlines at the end.
      `\r${up(below + this.#height)}${CLEAR_DOWN}${text(lines)}${WRAP_OFF}${text(live)}${WRAP_ON}${"\n".repeat(below)}`,
    );
    this.#height = live.length;
    this.#editor.prompt(true);
  }
}

/** Only ever appends: for pipes, files and terminals that can't move the cursor. */
export class AppendScreen implements Screen {
  readonly #output: NodeJS.WritableStream;
  readonly #paint: Paint;
  /** How much of the running draft is out already. */
  #shown = "";
  #away = false;

  constructor(output: NodeJS.WritableStream, paint: Paint) {
    this.#output = output;
    this.#paint = paint;
  }

  show(news: News[], state: Conversation): void {
    for (const item of news) this.#add(item);
    const draft = plain(state.draft.text);
    if (draft) {
      this.#output.write(appended(this.#shown, draft));
      this.#shown = draft;
    }
    if (this.#away === state.connected) {
      this.#away = !state.connected;
      if (this.#away) this.say("! The host is away; looking for it.");
    }
  }

  say(text: string): void {
    this.#endDraft();
    this.#output.write(`${text}\n`);
  }

  sent(): void {}

  #add(item: News): void {
    if (item.kind === "message" && item.message.author === "agent" && this.#shown) {
      this.#output.write(`${appended(this.#shown, plain(item.message.text).trimEnd())}\n\n`);
      this.#shown = "";
      return;
    }
    this.#endDraft();
    for (const line of newsLines(item, 80, this.#paint)) this.#output.write(`${line}\n`);
  }

  #endDraft(): void {
    if (this.#shown) this.#output.write("\n");
    this.#shown = "";
  }
}
