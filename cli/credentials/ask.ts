/** Asks a person what a variable of a `.env` file is. */
import { isCancel, select, text } from "@clack/prompts";
import { exit, Leave } from "../outcome.ts";
import { type Choice, detailOf, type ImportKind, likelyKind } from "./env-file.ts";

const LABELS: Record<ImportKind, string> = {
  bearer: "a token for a service (Authorization: Bearer …)",
  header: "a key for a service, in a header of its own",
  basic: "a password for a service (Authorization: Basic …)",
  query: "a key for a service, in its address",
  api_key: "the key of the Anthropic API",
  oauth_token: "the token of a Claude subscription",
};
const DETAILS = { user: "Which user?", header: "Which header?", parameter: "Which parameter?" };

export async function askKind(variable: string): Promise<Choice | null> {
  const options = (Object.entries(LABELS) as [ImportKind, string][]).map(([value, label]) => ({ value, label }));
  const kind = await select<ImportKind | "leave">({
    message: `${variable} is …`,
    options: [{ value: "leave", label: "nothing to keep here" }, ...options],
    initialValue: likelyKind(variable),
    output: process.stderr,
  });
  if (isCancel(kind)) throw new Leave(exit.interrupted);
  if (kind === "leave") return null;
  const asked = detailOf(kind);
  if (!asked) return { kind };
  const detail = await text({ message: DETAILS[asked], output: process.stderr });
  if (isCancel(detail)) throw new Leave(exit.interrupted);
  return { kind, detail };
}
