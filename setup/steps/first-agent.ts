/** The first agent group, its owner and its terminal chat. The host makes them; making them again changes nothing. */
import type { Step } from "../step.ts";

export const FIRST_AGENT = { folder: "main", name: "Nano" };

export const firstAgent: Step = {
  name: "first agent",
  async todo({ control }) {
    const groups = await control.call("groups.list", {});
    return groups.some(({ folder }) => folder === FIRST_AGENT.folder) ? null : "making the first agent";
  },
  async run({ control, questions }) {
    const name = await questions.text("What should your agent be called?", FIRST_AGENT.name);
    const timeZone = await questions.text("Your time zone?", Intl.DateTimeFormat().resolvedOptions().timeZone);
    const group = await control.call("groups.init", { folder: FIRST_AGENT.folder, name, timeZone });
    return `${group.name}, in groups/${group.folder}`;
  },
};
