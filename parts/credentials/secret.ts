/** Makes of the arguments of `credentials.set` what the vault keeps, or says what is missing or too much. Pure. */
import type { VerbArgs } from "../../api/verbs.ts";
import { type HttpCredential, httpCredential } from "../../packages/http-credentials/kinds.ts";
import { Misuse } from "../../src/lib/errors.ts";
import type { PlainSecret } from "../../src/vault/vault.ts";
import { signInProviders } from "./providers.ts";
import { signInFrom } from "./sign-in.ts";

type Args = VerbArgs<"credentials.set">;
type Setting = Exclude<keyof Args, "name" | "kind" | "secret" | "variable">;

/** What each kind may be told beside its secret. */
const SETTINGS: Record<Args["kind"], Setting[]> = {
  api_key: [],
  oauth_token: [],
  header: ["header", "prefix"],
  bearer: [],
  basic: ["user"],
  query: ["parameter"],
  oauth2: ["provider", "tokenEndpoint", "clientId", "clientSecret", "scopes"],
};
const ALL = Object.values(SETTINGS).flat();
/** Names of what other parts keep in the vault. */
const OF_CHANNELS = /^channel-/;
const MODEL_KINDS: Args["kind"][] = ["api_key", "oauth_token", "oauth2"];
/** Variables that a container's own programs live by. */
const TAKEN =
  /^(PATH|HOME|USER|SHELL|PWD|TMPDIR|LANG|TERM|TZ|IFS|LD_.*|NODE_.*|BUN_.*|GIT_SSL.*|SSL_.*|.*_PROXY|NANOCLAW_.*|CLAUDE_.*|ANTHROPIC_.*)$/;

/** @throws Misuse that repeats nothing of the secret */
export function secretFrom(args: Args, now: number): PlainSecret | HttpCredential {
  const { name, kind, variable } = args;
  const secret = args.secret.trim();
  if (OF_CHANNELS.test(name)) {
    throw new Misuse(`"${name}" is what a channel signs in with`, "`ncl skills add` asks for it and stores it.");
  }
  if (name === "anthropic" && !MODEL_KINDS.includes(kind)) {
    throw new Misuse(
      `"anthropic" is the model's credential, and can't be of kind ${kind}`,
      `Use ${MODEL_KINDS.join(", ")}.`,
    );
  }
  if (variable !== undefined && TAKEN.test(variable)) {
    throw new Misuse(
      `${variable} is a variable that containers live by`,
      "Choose the one that the tool reads its key from.",
    );
  }
  const strange = ALL.find((setting) => args[setting] !== undefined && !SETTINGS[kind].includes(setting));
  if (strange) throw new Misuse(`a credential of kind ${kind} has no ${strange}`, hintOf(kind));
  if (kind === "api_key" || kind === "oauth_token") {
    if (variable !== undefined) {
      throw new Misuse(
        `kind ${kind} is for the model and for channels, and has no placeholder`,
        "For a service that agents use, choose --kind bearer, header, basic, query or oauth2.",
      );
    }
    return { kind, secret };
  }
  const parsed = httpCredential.safeParse(
    kind === "oauth2" ? oauth2(args, secret, now) : { ...plainOf(args), kind, secret },
  );
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const field = String(issue?.path[0] ?? "secret");
  const missing = issue?.code === "invalid_type";
  throw new Misuse(
    missing
      ? `a credential of kind ${kind} needs ${flagOf(field)}`
      : `${field === "secret" ? "it" : field} ${issue?.message}`,
    hintOf(kind),
  );
}

const plainOf = ({ header, prefix = "", user, parameter }: Args) => ({ header, prefix, user, parameter });

function oauth2(args: Args, secret: string, now: number): unknown {
  const known = args.provider === undefined ? null : signInProviders[args.provider];
  if (known === undefined) {
    throw new Misuse(
      `there is no provider "${args.provider}"`,
      `Known are ${Object.keys(signInProviders).join(", ")}; of others give --token-endpoint and --client-id.`,
    );
  }
  const signIn = signInFrom(secret, now);
  return {
    kind: "oauth2",
    secret: signIn.refreshToken,
    tokenEndpoint: args.tokenEndpoint ?? known?.tokenEndpoint ?? signIn.tokenEndpoint ?? undefined,
    clientId: args.clientId ?? signIn.clientId ?? known?.clientId ?? undefined,
    clientSecret: args.clientSecret?.trim() ?? signIn.clientSecret,
    scopes: args.scopes?.split(/\s+/).filter(Boolean) ?? [],
    body: known?.body ?? "form",
    access: signIn.access && { ...signIn.access, issuedAt: now },
  };
}

const flagOf = (field: string) => `--${field.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

function hintOf(kind: Args["kind"]): string {
  const flags = SETTINGS[kind].map(flagOf).join(", ");
  return flags
    ? `It takes ${flags}. \`ncl credentials set --help\` tells what they are.`
    : "It takes nothing but the secret.";
}
