/** The agent has spoken: the proof that the whole path works, from the chat into the container and back. */
import { randomUUID } from "node:crypto";
import { askOnce, welcomeArrives, welcomeSoFar } from "../conversation.ts";
import type { Step } from "../step.ts";

/** Milliseconds for a first container start and a first answer. */
export const ANSWER_DEADLINE = 120_000;

export const welcome: Step = {
  name: "welcome",
  async todo({ control }) {
    return (await welcomeSoFar(control, ANSWER_DEADLINE)) === "seen" ? null : "waiting for the agent's first words";
  },
  async run({ control }) {
    // A welcome that failed is not sent again by itself: then the agent is spoken to first.
    const failed = (await welcomeSoFar(control, ANSWER_DEADLINE)) === "failed before";
    if (failed) await askOnce(control, "hello", randomUUID(), ANSWER_DEADLINE);
    else await welcomeArrives(control, ANSWER_DEADLINE);
    return "the agent has spoken";
  },
};
