/**
 * Decides what a runner does: a state machine without input or output of its own. Inbound rows and provider events go
 * in, effects come out, to be done in order. It keeps these promises: a message is acknowledged exactly once, by a turn
 * that took it up; row numbers are odd and only grow; at most one turn runs; an effect is journalled before it begins.
 * After a turn was broken off nothing is handed on before the provider has let go; then, what it had not taken up.
 */
import {
  type Continuation,
  type ErrorClass,
  type InboundRow,
  MAX_BODY_BYTES,
  MAX_TEXT,
  type OutboundBody,
  type OutboundRow,
  type Progress,
} from "../../protocol/rows.ts";
import type { NumberedMessage } from "./prompt.ts";
import type { ProviderEvent } from "./providers/provider.ts";

/** Commit these rows; `clear` takes the progress of the ended turn away in the same commit. */
interface Write {
  do: "write";
  rows: OutboundRow[];
  clear: boolean;
}

export type Effect =
  | Write
  | { do: "progress"; progress: Progress }
  /** Give this to the provider, after everything before it is durable. */
  | { do: "send"; prompt: string; messages: NumberedMessage[] }
  | { do: "interrupt" }
  /** End the agent's process until there is work again. */
  | { do: "rest" };

/** Prompts that one turn is given at most; what comes later waits for the next one. */
const MAX_PROMPTS = 32;
/** Messages that one turn acknowledges at most (see rows.ts). */
const MAX_MESSAGES = 1000;
/** Characters of text in one prompt at most, except that one message always fits. */
const MAX_PROMPT_TEXT = 400_000;
const MAX_PROGRESS_TEXT = 20_000;
const CUT = "\n\n[cut: too long]";

interface Prompt {
  id: string;
  messages: NumberedMessage[];
  taken: boolean;
}

type TurnEnd = Extract<ProviderEvent, { type: "end" | "error" | "stopped" }>;

/** Why a turn was broken off. */
export interface Failure {
  class: ErrorClass;
  message: string;
}

interface Turn {
  n: number;
  prompts: Prompt[];
  /** It was told to stop: nothing more is fed to it. */
  stopping: boolean;
  text: string;
  activity: string;
  version: number;
}

export class Turns {
  #nextNumber: number;
  #prompts = 0;
  #turn: Turn | null = null;
  /** Messages that no prompt holds yet, in order. */
  #waiting: NumberedMessage[] = [];
  /** Rows that came since a turn was broken off, while the provider has not let go; null when nothing is awaited. */
  #held: InboundRow[] | null = null;
  #continuation: Continuation | null;
  readonly #provider: string;

  /** @param lastNumber the highest outbound number ever used in this session. */
  constructor(options: { lastNumber: number; provider: string; continuation: Continuation | null }) {
    this.#nextNumber = options.lastNumber + 1 + (options.lastNumber % 2);
    this.#provider = options.provider;
    // Another provider's continuation means nothing to this one.
    this.#continuation = options.continuation?.provider === options.provider ? options.continuation : null;
  }

  /** The value with which a new process of the provider takes the conversation up. */
  get continuation(): string | null {
    return this.#continuation?.value ?? null;
  }

  /** The number of the turn that runs, or null. */
  get running(): number | null {
    return this.#turn?.n ?? null;
  }

  /** Takes new inbound rows, in the order of their numbers. Answers to verbs are for who asked, not for turns. */
  rows(rows: InboundRow[]): Effect[] {
    if (this.#held) {
      this.#held.push(...rows);
      return [];
    }
    const effects: Effect[] = [];
    let rest = false;
    for (const { n, body } of rows) {
      if (body.kind === "message") this.#waiting.push({ n, message: body });
      else if (body.kind === "control" && body.action === "rest") rest = true;
      else if (body.kind === "control") {
        // "Stop" means everything that was said before it.
        effects.push(...this.#hand());
        if (this.#turn) effects.push(...this.#break(this.#turn));
      }
    }
    effects.push(...this.#hand());
    if (rest && !this.#turn) effects.push({ do: "rest" });
    return effects;
  }

  /** Takes what the provider says. Events that belong to no turn change nothing. */
  event(event: ProviderEvent): Effect[] {
    if (event.type === "continuation") {
      this.#continuation = { provider: this.#provider, value: event.value };
      return [];
    }
    const turn = this.#turn;
    if (!turn) return [];
    switch (event.type) {
      case "taken":
        for (const prompt of turn.prompts) if (prompt.id === event.prompt) prompt.taken = true;
        return [];
      case "text":
        turn.text = (turn.text + event.delta).slice(0, MAX_TEXT);
        turn.activity = "";
        return this.#progress(turn);
      case "text_reset":
        turn.text = "";
        return [];
      case "alive":
        return [];
      case "tool_started": {
        const { call, name } = event;
        const summary = oneLine(event.summary, 500);
        turn.activity = oneLine(summary ? `${name}: ${summary}` : name, 500);
        const started = {
          kind: "tool_started",
          turn: turn.n,
          call: call.slice(0, 200),
          name: name.slice(0, 200),
          summary,
        };
        return [this.#write([started as OutboundBody]), ...this.#progress(turn)];
      }
      case "tool_ended":
        turn.activity = "";
        return [
          this.#write([{ kind: "tool_ended", turn: turn.n, call: event.call.slice(0, 200), ok: event.ok }]),
          ...this.#progress(turn),
        ];
      default:
        return this.#end(turn, event);
    }
  }

  /** The agent asks for a verb of the host. @returns the number of its row; null where no turn runs. */
  verb(verb: string, args: Record<string, unknown>): { effects: Effect[]; n: number } | null {
    if (!this.#turn) return null;
    const n = this.#nextNumber;
    return { effects: [this.#write([{ kind: "verb", turn: this.#turn.n, verb, args }])], n };
  }

  /** A sign of life of the turn that runs. */
  beat(): Effect[] {
    return this.#turn ? this.#progress(this.#turn) : [];
  }

  /**
   * Ends the running turn in an error without waiting for the provider: that is to be given up then, and `letGo` called
   * when nothing of the turn can come from it any more. What it had not taken up waits until then for the next turn,
   * except what the person had stopped anyway.
   */
  breakOff(failure: Failure): Effect[] {
    const turn = this.#turn;
    if (!turn) return [];
    const { ended, left } = settle(turn, "error");
    this.#turn = null;
    this.#waiting.unshift(...left.flatMap(({ messages }) => messages));
    this.#held = [];
    return [this.#ending(turn, ended, { type: "error", ...failure, usage: null })];
  }

  /** The provider has let go of a turn that was broken off, and says nothing of it any more. */
  letGo(): Effect[] {
    const held = this.#held ?? [];
    this.#held = null;
    return this.rows(held);
  }

  #end(turn: Turn, event: TurnEnd): Effect[] {
    const { ended, left } = settle(turn, event.type);
    const ending = this.#ending(turn, ended, event);
    this.#turn = null;
    if (left.length === 0) return [ending, ...this.#hand()];
    // The provider still has these and goes on with them by itself: that is the next turn.
    ending.rows.push(...this.#begin(left).rows);
    return [ending, ...this.#hand()];
  }

  #ending(turn: Turn, ended: Prompt[], event: TurnEnd): Write {
    const body: OutboundBody = {
      kind: "turn_ended",
      turn: turn.n,
      outcome: outcomeOf(event),
      acknowledges: ended.flatMap(numbersOf),
      continuation: this.#continuation,
      usage: event.usage,
    };
    return this.#write([body], true);
  }

  /** Makes prompts of what waits, as far as something in it wants an answer and a turn may take it. */
  #hand(): Effect[] {
    const effects: Effect[] = [];
    while (this.#waiting.some(({ message }) => message.engages)) {
      const turn = this.#turn;
      const room = turn ? roomIn(turn) : MAX_MESSAGES;
      if (turn && (turn.stopping || turn.prompts.length >= MAX_PROMPTS || room === 0)) break;
      this.#prompts += 1;
      const prompt = { id: `prompt-${this.#prompts}`, messages: this.#batch(room), taken: false };
      if (turn) {
        turn.prompts.push(prompt);
        effects.push(this.#write([{ kind: "turn_fed", turn: turn.n, inbound: numbersOf(prompt) }]));
      } else effects.push(this.#begin([prompt]));
      effects.push({ do: "send", prompt: prompt.id, messages: prompt.messages });
    }
    return effects;
  }

  /** Stops a turn. What waits behind it was said before the stop too: it ends with the turn, and is never sent. */
  #break(turn: Turn): Effect[] {
    const effects: Effect[] = turn.stopping ? [] : [{ do: "interrupt" }];
    turn.stopping = true;
    const last = this.#waiting.findLastIndex(({ message }) => message.engages);
    const messages = this.#waiting.splice(0, Math.min(last + 1, roomIn(turn)));
    if (messages.length === 0) return effects;
    const prompt = { id: "", messages, taken: false };
    turn.prompts.push(prompt);
    return [this.#write([{ kind: "turn_fed", turn: turn.n, inbound: numbersOf(prompt) }]), ...effects];
  }

  #begin(prompts: Prompt[]): Write {
    const n = this.#nextNumber;
    this.#turn = { n, prompts, stopping: false, text: "", activity: "", version: 0 };
    return this.#write([{ kind: "turn_started", inbound: prompts.flatMap(numbersOf) }]);
  }

  #batch(room: number): NumberedMessage[] {
    let characters = 0;
    let count = 0;
    for (const { message } of this.#waiting) {
      characters += message.text.length;
      if (count === room || (count > 0 && characters > MAX_PROMPT_TEXT)) break;
      count += 1;
    }
    return this.#waiting.splice(0, count);
  }

  #write(bodies: OutboundBody[], clear = false): Write {
    const rows = bodies.map((body) => {
      const row = { n: this.#nextNumber, body };
      this.#nextNumber += 2;
      return row;
    });
    return { do: "write", rows, clear };
  }

  #progress(turn: Turn): Effect[] {
    turn.version += 1;
    const { n, version, activity } = turn;
    const text = turn.text.length > MAX_PROGRESS_TEXT ? `…${turn.text.slice(1 - MAX_PROGRESS_TEXT)}` : turn.text;
    return [{ do: "progress", progress: { turn: n, version, text, activity } }];
  }
}

const roomIn = ({ prompts }: Turn) => MAX_MESSAGES - prompts.reduce((sum, { messages }) => sum + messages.length, 0);
const numbersOf = ({ messages }: Prompt) => messages.map(({ n }) => n);

/**
 * Which prompts end with their turn. A stopped turn takes everything with it; so does one that ended before it took up
 * anything, or it would never end.
 */
function settle({ prompts, stopping }: Turn, type: TurnEnd["type"]): { ended: Prompt[]; left: Prompt[] } {
  const taken = prompts.filter((prompt) => prompt.taken);
  if (stopping || type === "stopped" || taken.length === 0) return { ended: prompts, left: [] };
  return { ended: taken, left: prompts.filter((prompt) => !prompt.taken) };
}

function outcomeOf(event: TurnEnd) {
  if (event.type === "error") {
    return { status: "error", class: event.class, message: oneLine(event.message, 2000) } as const;
  }
  return { status: event.type === "end" ? "done" : "stopped", text: fit(event.text) } as const;
}

/** Cuts a text to what a row may hold, in characters and in bytes of JSON. */
function fit(text: string): string {
  const most = MAX_BODY_BYTES - 10_000;
  let kept = text.toWellFormed();
  if (kept.length > MAX_TEXT) kept = kept.slice(0, MAX_TEXT - CUT.length).toWellFormed() + CUT;
  while (Buffer.byteLength(JSON.stringify(kept)) > most) kept = kept.slice(0, kept.length >> 1).toWellFormed() + CUT;
  return kept;
}

function oneLine(text: string, most: number): string {
  return text.replace(/\s+/g, " ").trim().slice(0, most).toWellFormed();
}
