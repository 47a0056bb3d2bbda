/** Looking after the installation: status, credentials, the model, the outbox. */
import { z } from "zod";
import * as is from "../results.ts";
import { limit, verb } from "../verb.ts";

const credentialName = z.string().regex(/^[a-z0-9][a-z0-9_-]{0,63}$/, "use lower-case letters, digits, - and _");

export const careVerbs = {
  status: verb({ summary: "Show how the host, its channels and its sessions are", result: is.status }),
  "host.stop": verb({ summary: "Stop the host; running turns are taken up again at the next start", result: is.done }),
  "credentials.list": verb({
    summary: "List the stored credentials, never their values",
    result: z.array(is.credential),
  }),
  "credentials.set": verb({
    summary: "Store a credential, encrypted; it never enters a container",
    args: {
      name: credentialName.describe("what it is for, such as anthropic"),
      kind: z.enum(["api_key", "oauth_token"]).default("api_key").describe("an API key, or a subscription's token"),
      secret: z.string().min(1).max(20_000).meta({ secret: true }).describe("the credential itself"),
    },
    positional: ["name"],
    result: is.credentialCheck,
  }),
  "credentials.remove": verb({
    summary: "Forget a credential",
    args: { name: credentialName.describe("which one") },
    positional: ["name"],
    result: is.done,
  }),
  "model.use": verb({
    summary: "Choose which model answers",
    args: {
      model: z.enum(["practice", "anthropic"]).describe("the practice model needs no account"),
      address: z.url().max(500).optional().describe("where its API is, when not at the usual place"),
    },
    positional: ["model"],
    result: is.model,
  }),
  "outbox.list": verb({
    summary: "List messages on their way out",
    args: { state: is.outboxState.optional().describe("only those in this state"), limit },
    result: z.array(is.outboxRow),
  }),
  "outbox.retry": verb({
    summary: "Try a message again that was given up",
    args: { id: z.int().min(1).describe("its number in `ncl outbox list`") },
    positional: ["id"],
    result: is.done,
  }),
};
