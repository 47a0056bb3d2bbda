/** The script of a message: words that tell the agent what to do, as text, because text is what travels. */
import { type ErrorClass, errorClass } from "../../../protocol/rows.ts";

export interface Script {
  /** Names the message. */
  id: string;
  /** Steps of work, and how long each takes in milliseconds. */
  steps: number;
  ms: number;
  /** How many of the steps call a tool. */
  tools: number;
  /** Never ends by itself while faults happen. */
  hangs: boolean;
  /** Takes the container with it. */
  dies: boolean;
  /** Nothing else is taken up into its turn. */
  alone: boolean;
  /** Ends without an answer. */
  silent: boolean;
  fails: ErrorClass | null;
}

export function scriptText({ id, steps, ms, tools, hangs, dies, alone, silent, fails }: Script): string {
  const words = [id, `${steps}x${ms}`, `tools:${tools}`, hangs && "hangs", dies && "dies"];
  return [...words, alone && "alone", silent && "silent", fails && `fails:${fails}`].filter(Boolean).join(" ");
}

/** What was not written by a script is a short piece of work. */
export function scriptOf(text: string): Script {
  const number = (pattern: RegExp, otherwise: number) => Number(pattern.exec(text)?.[1] ?? otherwise);
  const has = (word: string) => text.split(" ").includes(word);
  return {
    id: text.split(" ")[0] ?? "",
    steps: number(/\b(\d+)x\d+\b/, 1),
    ms: number(/\b\d+x(\d+)\b/, 10),
    tools: number(/\btools:(\d+)/, 0),
    hangs: has("hangs"),
    dies: has("dies"),
    alone: has("alone"),
    silent: has("silent"),
    fails: errorClass.safeParse(/\bfails:(\w+)/.exec(text)?.[1]).data ?? null,
  };
}
