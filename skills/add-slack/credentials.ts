/**
 * What Slack is signed in with. Slack has many tokens that look alike, so each field knows its own and says of another
 * where it belongs.
 */
import { z } from "zod";
import { Misuse } from "../../src/lib/errors.ts";

/** What is given in place of an app-level token where Slack is to call this host. */
export const NO_APP_TOKEN = "none";

const KINDS = [
  {
    is: /^xoxe/i,
    name: "a token that expires",
    belongs: "NanoClaw needs tokens that don't: turn token rotation off for the app",
  },
  { is: /^xoxb-/i, name: "a bot token", belongs: "it belongs into botToken" },
  { is: /^xapp-/i, name: "an app-level token", belongs: "it belongs into appToken" },
  { is: /^xoxp-/i, name: "a user token", belongs: "it is not needed: take the Bot User OAuth Token" },
  { is: /^xox/i, name: "a token of an older kind", belongs: "it is not needed: take the Bot User OAuth Token" },
  { is: /^[0-9a-f]{32}$/i, name: "a signing secret", belongs: "it belongs into signingSecret" },
];

/** A field for one kind of secret. @param form says what it looks like, for a message that never holds the secret */
const secret = (own: RegExp, form: string) =>
  z
    .string()
    .trim()
    .superRefine((value, { addIssue }) => {
      if (own.test(value)) return;
      const other = KINDS.find(({ is }) => is.test(value));
      const mixedUp = other && !other.is.test(form);
      addIssue({
        code: "custom",
        message: mixedUp ? `this is ${other.name}; ${other.belongs}` : `this is not whole: ${form}`,
      });
    });

export const credentials = z.object({
  botToken: secret(/^xoxb-[\w-]{10,}$/, "xoxb-, and about 50 more letters and digits")
    .describe("Bot User OAuth Token")
    .meta({
      help: "On Slack's page of your app, under OAuth & Permissions, once the app is installed. It begins with xoxb-.",
      secret: true,
    }),
  appToken: secret(/^(xapp-[\w-]{10,}|none)$/, "xapp-, and about 90 more letters and digits")
    .describe("App-level token, or none")
    .meta({
      help: "Under Basic Information, App-Level Tokens: generate one with the scope connections:write. It begins with xapp-. Say none only where Slack is to call a public address of yours.",
      secret: true,
    }),
  signingSecret: secret(/^([0-9a-f]{32})?$/, "32 digits and letters from a to f")
    .optional()
    .describe("Signing Secret")
    .meta({ help: "Only without an app-level token. Under Basic Information, App Credentials.", secret: true }),
  webhookPort: z
    .string()
    .regex(/^(\d{1,5})?$/, "a port is a number")
    .optional()
    .describe("Port on this machine to which your reverse proxy passes Slack's calls")
    .meta({ help: "Only without an app-level token." }),
  apiRoot: z
    .url({ protocol: /^https?$/ })
    .or(z.literal(""))
    .optional()
    .describe("Address of the Web API")
    .meta({ help: "Leave it empty to use Slack's." }),
});

/** How events come: over a socket that we open, or by calls of Slack's that carry a signature. */
export type Way = { appToken: string } | { signingSecret: string; port: number };

export interface SignIn {
  botToken: string;
  way: Way;
  /** Undefined for Slack's own. */
  apiRoot: string | undefined;
}

/** @throws Misuse where they are wrong, or don't go together */
export function signInOf(given: Record<string, string>): SignIn {
  const { data, error } = credentials.safeParse(given);
  if (!data) throw new Misuse("Slack is not set up right", z.prettifyError(error));
  const { botToken, appToken, signingSecret, webhookPort, apiRoot } = data;
  const common = { botToken, apiRoot: apiRoot || undefined };
  if (appToken !== NO_APP_TOKEN) {
    if (!signingSecret && !webhookPort) return { ...common, way: { appToken } };
    throw new Misuse(
      "Slack can't both be asked over a socket and call a port",
      "Give the app-level token alone, with signingSecret and webhookPort empty; or none in its place.",
    );
  }
  if (!signingSecret || !webhookPort) {
    throw new Misuse(
      "Without an app-level token Slack has no way to this host",
      "Give the app-level token; or none in its place, with both signingSecret and webhookPort.",
    );
  }
  return { ...common, way: { signingSecret, port: Number(webhookPort) } };
}
