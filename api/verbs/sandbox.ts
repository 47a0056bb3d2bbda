/** What agents run in. */
import * as is from "../results.ts";
import { folder, runtime, verb } from "../verb.ts";

export const sandboxVerbs = {
  "sandbox.describe": verb({
    summary: "Show what an agent's container would get, in words and as the exact command, before it starts",
    args: { folder, runtime: runtime.optional() },
    positional: ["folder"],
    result: is.sandbox,
  }),
  "sandbox.prove": verb({
    summary: "Attack an agent's box from inside, in a session of its own, and tell each attack's end as a line of JSON",
    args: { folder, runtime: runtime.optional() },
    positional: ["folder"],
    result: is.proofLine,
    stream: true,
  }),
};
