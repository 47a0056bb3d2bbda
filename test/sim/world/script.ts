/** The script of a message: words that tell the agent what to do, as text, because text is what travels. */
import { type ErrorClass, errorClass } from "../../../protocol/rows.ts";

/** What an agent does with the host's verbs between two steps. */
export const deeds = ["send", "send-long", "send-file", "send-same", "edit", "react", "schedule"] as const;
export type Deed = (typeof deeds)[number];

export interface Script {
  /** Names the message. */
  id: string;
  /** Steps of work, and how long each takes in milliseconds. */
  steps: number;
  ms: number;
  /** How many of the steps call a tool. */
  tools: number;
  /** Never ends by itself while faults happen: the model says nothing more, or a tool gives no end. */
  hangs: "model" | "tool" | null;
  /** Calls the same tool with the same input, again and again. */
  loops: boolean;
  /** Takes the container with it. */
  dies: boolean;
  /** Nothing else is taken up into its turn. */
  alone: boolean;
  /** Ends without an answer. */
  silent: boolean;
  fails: ErrorClass | null;
  /** Ends with an answer that has to be split on most platforms. */
  long: boolean;
  /** One after each step. */
  does: Deed[];
}

export function scriptText(script: Script): string {
  const { id, steps, ms, tools, hangs, loops, dies, alone, silent, fails, long, does } = script;
  const words = [
    id,
    `${steps}x${ms}`,
    `tools:${tools}`,
    hangs && `hangs:${hangs}`,
    loops && "loops",
    dies && "dies",
    alone && "alone",
  ];
  const more = [
    silent && "silent",
    fails && `fails:${fails}`,
    long && "long",
    does.length > 0 && `does:${does.join()}`,
  ];
  return [...words, ...more].filter(Boolean).join(" ");
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
    hangs: has("hangs:tool") ? "tool" : has("hangs:model") ? "model" : null,
    loops: has("loops"),
    dies: has("dies"),
    alone: has("alone"),
    silent: has("silent"),
    long: has("long"),
    does: (/\bdoes:([a-z,-]+)/.exec(text)?.[1] ?? "").split(",").filter(isDeed),
    fails: errorClass.safeParse(/\bfails:(\w+)/.exec(text)?.[1]).data ?? null,
  };
}

const isDeed = (word: string): word is Deed => (deeds as readonly string[]).includes(word);
