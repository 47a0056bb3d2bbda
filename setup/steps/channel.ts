/** The first channel. The terminal is built in, so there is nothing to install; this says whether it is up. */
import { Misuse } from "../../src/lib/errors.ts";
import type { Step } from "../step.ts";

export const channel: Step = {
  name: "channel",
  todo: async () => "looking for the terminal channel",
  async run({ control }) {
    const { channels } = await control.call("status", {});
    const terminal = channels.find(({ id }) => id === "terminal");
    if (terminal?.state === "up") return "terminal";
    throw new Misuse(
      `the terminal channel is ${terminal ? `${terminal.state}: ${terminal.detail}` : "missing"}`,
      "Look at the host's log with `bin/ncl logs`.",
    );
  },
};
