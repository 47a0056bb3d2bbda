/** Credentials: kept encrypted by the host, never shown again, and in no container. */
import { z } from "zod";
import * as is from "../results.ts";
import { verb } from "../verb.ts";

export const credentialName = z.string().regex(/^[a-z0-9][a-z0-9_-]{0,63}$/, "use lower-case letters, digits, - and _");
const name = credentialName.describe("which one");
const word = z.string().min(1).max(500);
const secret = z.string().min(1).max(20_000).meta({ secret: true });

export const credentialVerbs = {
  "credentials.list": verb({
    summary: "List the stored credentials, never their values",
    result: z.array(is.credential),
  }),
  "credentials.show": verb({
    summary: "Show how a credential is sent, never its value",
    args: { name },
    positional: ["name"],
    result: is.credentialWhole,
  }),
  "credentials.set": verb({
    summary: "Store a credential, encrypted; it never enters a container",
    args: {
      name: credentialName.describe("what it is for, such as anthropic or github"),
      kind: is.credentialKind
        .default("api_key")
        .describe("how it is sent; api_key and oauth_token are the model's: an API key, or a subscription's token"),
      secret: secret.describe("the credential itself; for oauth2 the refresh token, or the JSON of a sign-in"),
      variable: z
        .string()
        .regex(/^[A-Z_][A-Z0-9_]{0,63}$/, "use capital letters, digits and _")
        .optional()
        .describe("the environment variable under which containers see its placeholder, such as GITHUB_TOKEN"),
      header: word.optional().describe("of kind header: its name, such as X-Api-Key"),
      prefix: z.string().max(100).optional().describe("of kind header: what stands before the secret"),
      user: z.string().max(500).optional().describe("of kind basic: the user's name"),
      parameter: word.optional().describe("of kind query: the name of the parameter"),
      provider: word.optional().describe("of kind oauth2: claude, google or github, in place of an address"),
      tokenEndpoint: word.optional().describe("of kind oauth2: the https address that refreshes tokens"),
      clientId: word.optional().describe("of kind oauth2: the client that signed in"),
      clientSecret: secret.optional().describe("of kind oauth2: that client's secret, where it has one"),
      scopes: z.string().max(5_000).optional().describe("of kind oauth2: scopes to ask for, with spaces between"),
    },
    positional: ["name"],
    result: is.credentialCheck,
  }),
  "credentials.remove": verb({ summary: "Forget a credential", args: { name }, positional: ["name"], result: is.done }),
  "credentials.rotate-key": verb({
    summary: "Seal all credentials anew under a new key; the old key is gone then",
    result: is.keyRotated,
  }),
};
