/**
 * The practice model's mind: a pure function from a request to what it says. It does what was asked in order, one tool
 * call at a time, and answers everything at the end. Every text begins with a mark that says who is speaking.
 */
import { type Ask, hear, type Turn } from "./conversation.ts";
import { type Plan, planFor } from "./intents.ts";
import type { MessagesRequest, Reply } from "./messages.ts";

export const MARK = "[practice model]";

export function reply(request: MessagesRequest): Reply {
  const format = request.output_config?.format;
  if (format?.type === "json_schema") return say(JSON.stringify(fill(format.schema)));
  const conversation = hear(request);
  const turn = conversation.turns.at(-1);
  if (!turn) return say(`${MARK} I heard nothing.`);
  const before = conversation.turns.slice(0, -1).flatMap((earlier) => earlier.asks);
  const plans = turn.asks.map((ask, index) =>
    planFor(ask, { conversation, ask, earlier: [...before, ...turn.asks.slice(0, index)] }),
  );
  return nextStep(plans, turn);
}

/** The first tool call that has no result yet, or, when there is none left, the answers to all asks of the turn. */
function nextStep(plans: Plan[], turn: Turn): Reply {
  const results = [...turn.results];
  const answers: string[] = [];
  let pace = 0;
  for (const [index, plan] of plans.entries()) {
    if ("say" in plan) {
      pace = Math.max(pace, plan.pace ?? 0);
      answers.push(heading(turn.asks, index) + plan.say);
      continue;
    }
    const result = results.shift();
    if (!result) {
      const tool = { type: "tool_use", name: plan.tool, input: plan.input } as const;
      return { blocks: [{ type: "text", text: `${MARK} ${plan.before}` }, tool], pace: 0 };
    }
    answers.push(heading(turn.asks, index) + plan.after(result));
  }
  return say(`${MARK} ${answers.join("\n\n")}`, pace);
}

/** Where a turn has several asks, each answer says which one it is about. */
function heading(asks: Ask[], index: number): string {
  const ask = asks[index];
  return asks.length > 1 && ask?.author === "person" ? `(to "${ask.text.slice(0, 40)}") ` : "";
}

function say(text: string, pace = 0): Reply {
  return { blocks: [{ type: "text", text }], pace };
}

/** The smallest value that a JSON schema allows, for requests that want data (a title for the conversation). */
function fill(schema: unknown, depth = 0): unknown {
  if (typeof schema !== "object" || schema === null || depth > 10) return null;
  const { type, properties, items, enum: options, const: only } = schema as Record<string, unknown>;
  if (only !== undefined) return only;
  if (Array.isArray(options)) return options[0];
  if (type === "object" || properties) {
    return Object.fromEntries(Object.entries(properties ?? {}).map(([key, value]) => [key, fill(value, depth + 1)]));
  }
  if (type === "array") return items ? [fill(items, depth + 1)] : [];
  if (type === "string") return "practice model";
  if (type === "boolean") return false;
  return type === "number" || type === "integer" ? 0 : null;
}
