/** A program in a terminal of 60 x 20, seen as a person sees it: keys in, lines on the screen out. */
import { type ChildProcess, spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { ROOT } from "./run.ts";

const ESCAPE = "\x1b";
const TOKEN = new RegExp(`${ESCAPE}\\[[?\\d;]*[A-Za-z]|[^]`, "gu");
const UNFINISHED = new RegExp(`${ESCAPE}(\\[[?\\d;]*)?$`);

/** What a terminal does with the few sequences that the chat uses. Lines that scrolled away stay in `lines`. */
class Screen {
  readonly lines: string[] = [""];
  #row = 0;
  #column = 0;
  #held = "";

  write(output: string): void {
    const text = this.#held + output;
    const cut = UNFINISHED.exec(text)?.index ?? text.length;
    this.#held = text.slice(cut);
    for (const [token] of text.slice(0, cut).matchAll(TOKEN)) this.#take(token);
  }

  get text(): string {
    return this.lines.join("\n");
  }

  #take(token: string): void {
    if (token === "\r") this.#column = 0;
    else if (token === "\n") this.#down();
    else if (token.startsWith(ESCAPE)) this.#control(token);
    else if (token >= " ") this.#print(token);
  }

  #print(letter: string): void {
    const line = this.lines[this.#row] ?? "";
    this.lines[this.#row] = line.slice(0, this.#column).padEnd(this.#column) + letter + line.slice(this.#column + 1);
    this.#column += 1;
    if (this.#column === 60) this.#down();
  }

  #control(sequence: string): void {
    const kept = (this.lines[this.#row] ?? "").slice(0, this.#column);
    const count = Number(/\d+/.exec(sequence)?.[0] ?? 1);
    switch (sequence.at(-1)) {
      case "A":
        this.#row = Math.max(0, this.#row - count);
        break;
      case "B":
        this.#row += count;
        break;
      case "C":
        this.#column += count;
        break;
      case "D":
        this.#column = Math.max(0, this.#column - count);
        break;
      case "G":
        this.#column = count - 1;
        break;
      case "J":
        this.lines.splice(this.#row, Number.POSITIVE_INFINITY, kept);
        break;
      case "K":
        this.lines[this.#row] = kept;
        break;
      case "h":
      case "l":
      case "m":
        break;
      default:
        throw new Error(`no test knows this sequence: ${JSON.stringify(sequence)}`);
    }
  }

  #down(): void {
    this.#row += 1;
    this.#column = 0;
    if (this.#row === this.lines.length) this.lines.push("");
  }
}

export class Terminal {
  readonly screen = new Screen();
  readonly ended: Promise<number | null>;
  raw = "";
  readonly #child: ChildProcess;

  /** @param kind the name of the terminal, as TERM has it */
  constructor(command: string, run: string, kind = "xterm") {
    const env = {
      ...process.env,
      NANOCLAW_RUN: run,
      NANOCLAW_DATA: run,
      XDG_CONFIG_HOME: run,
      TERM: kind,
      NO_COLOR: "1",
    };
    // script(1) gives the program a terminal of its own.
    const words = ["-qefc", `stty cols 60 rows 20; exec ${ROOT}/bin/${command}`, "/dev/null"];
    this.#child = spawn("script", words, { env, stdio: ["pipe", "pipe", "inherit"] });
    this.#child.stdout?.setEncoding("utf8").on("data", (output: string) => {
      this.raw += output;
      this.screen.write(output);
    });
    this.ended = new Promise((resolve) => this.#child.on("close", resolve));
  }

  type(keys: string): void {
    this.#child.stdin?.write(keys);
  }

  /** Resolves once the screen shows it. */
  async until(seen: (screen: string) => boolean, what: string): Promise<void> {
    for (const deadline = Date.now() + 10_000; !seen(this.screen.text); await sleep(10)) {
      if (Date.now() > deadline) throw new Error(`${what} did not come; the screen shows:\n${this.screen.text}`);
    }
  }

  shows(text: string): Promise<void> {
    return this.until((screen) => screen.includes(text), JSON.stringify(text));
  }

  [Symbol.dispose](): void {
    this.#child.kill("SIGKILL");
  }
}
