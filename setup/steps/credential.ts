/**
 * Which model answers: Anthropic's with the person's key or token, or the practice model. The secret goes from where the
 * person keeps it to the host over its private socket; it is never printed, logged or put in an argument.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Misuse } from "../../src/lib/errors.ts";
import type { Context, Step } from "../step.ts";

const NAME = "anthropic";
/** Typing a key wrong is easy; after this many the person should look for another. */
const TRIES = 3;
/** Environment variables with a credential. They are kept from everything that the set-up starts. */
export const SECRET_VARIABLES = ["ANTHROPIC_API_KEY", "CLAUDE_CODE_OAUTH_TOKEN"];

export interface Credential {
  kind: "api_key" | "oauth_token";
  secret: string;
  /** Where it was found, for messages. */
  source: string;
}

/** Tells a subscription's token from an API key by its beginning. */
export function credentialFrom(text: string, source: string): Credential {
  const secret = text.trim();
  return { kind: secret.startsWith("sk-ant-oat") ? "oauth_token" : "api_key", secret, source };
}

/** What the person gave without being asked: the file wins over the environment. @throws Misuse for a file of no use */
export function givenCredential(file: string | null, env: NodeJS.ProcessEnv): Credential | null {
  if (file) {
    let text: string;
    try {
      text = readFileSync(file, "utf8");
    } catch (error) {
      throw new Misuse(
        `the credential file can't be read: ${String(error)}`,
        "Give --credential-file a file that holds only the key or token.",
      );
    }
    if (!text.trim())
      throw new Misuse(`the credential file ${file} is empty`, "Put the key or token into it, and nothing else.");
    return credentialFrom(text, file);
  }
  for (const name of SECRET_VARIABLES) {
    const value = env[name];
    if (value?.trim()) return credentialFrom(value, name);
  }
  return null;
}

/** Remembers that the person chose the practice model, so that the next run does not ask again. */
const choiceOf = ({ paths }: Context) => join(paths.data, "practice-chosen");

export const credential: Step = {
  name: "credential",
  async todo(context) {
    if (context.credentialFile) return "storing the credential";
    const stored = await context.control.call("credentials.list", {});
    if (stored.some(({ name }) => name === NAME)) return null;
    const given = givenCredential(null, context.env);
    return given || !existsSync(choiceOf(context)) ? "choosing the model" : null;
  },
  async run(context) {
    const given = givenCredential(context.credentialFile, context.env);
    const use =
      given &&
      (context.credentialFile !== null ||
        (await context.questions.confirm(`Use the credential in ${given.source}?`, true)));
    if (use) return store(context, given);
    for (let left = TRIES; left > 0; left--) {
      const asked = await ask(context);
      if (!asked) return practise(context);
      try {
        return await store(context, asked);
      } catch (error) {
        if (left === 1 || !(error instanceof Misuse)) throw error;
        await context.questions.confirm(`${error.message}. Try again?`, true);
      }
    }
    return practise(context);
  },
};

async function ask({ questions }: Context): Promise<Credential | null> {
  const kind = await questions.choose(
    "Which model answers?",
    [
      { value: "practice", label: "The practice model: no account needed, scripted words, the same path" },
      { value: "api_key", label: "Claude, with an Anthropic API key" },
      { value: "oauth_token", label: "Claude, with a subscription token (from `claude setup-token`)" },
    ],
    "practice",
  );
  if (kind === "practice") return null;
  const secret = (
    await questions.secret(kind === "api_key" ? "Anthropic API key" : "Claude subscription token")
  ).trim();
  return secret ? { kind, secret, source: "what you typed" } : null;
}

async function store({ control }: Context, { kind, secret, source }: Credential): Promise<string> {
  const { check, detail } = await control.call("credentials.set", { name: NAME, kind, secret });
  if (check === "bad") {
    throw new Misuse(
      `the credential from ${source} was refused: ${detail}`,
      "Give a valid key or token, or none to use the practice model.",
    );
  }
  await control.call("model.use", { model: "anthropic" });
  return check === "good" ? "stored encrypted, and accepted by Anthropic" : `stored encrypted; not checked: ${detail}`;
}

async function practise(context: Context): Promise<string> {
  await context.control.call("model.use", { model: "practice" });
  mkdirSync(context.paths.data, { recursive: true });
  writeFileSync(choiceOf(context), "");
  return "none: the practice model answers. `bin/ncl credentials set anthropic` changes that";
}
