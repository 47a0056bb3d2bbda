/**
 * The commands of the audit log that show more than a table: `ncl audit verify`, also of a file without a host, `trace`
 * and `follow`. The others are verbs like any.
 */
import { createPublicKey, type KeyObject } from "node:crypto";
import { createReadStream, readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import type { Command } from "commander";
import type { AuditTrace, AuditVerdict } from "../api/results.ts";
import type { VerbResult } from "../api/verbs.ts";
import { headsIn, verifyLines } from "../packages/audit-chain/lines.ts";
import type { Report } from "../packages/audit-chain/verify.ts";
import { messageOf } from "../src/lib/errors.ts";
import type { ControlClient } from "./client.ts";
import { exit, Leave, Usage } from "./outcome.ts";
import { moment } from "./show.ts";
import { oneLine, plain } from "./text.ts";

interface VerifyOptions {
  file?: string;
  key?: string[];
  heads?: string;
  json?: boolean;
}

/** Findings that are named one by one. */
const MOST_PROBLEMS = 5;
/** Columns of a line that tells what a record says. */
const MAX_TEXT = 160;

const print = (text: string) => void process.stdout.write(text);

export function addAuditCommands(root: Command, client: () => ControlClient): void {
  const audit = root.command("audit").description("list, trace, follow, export, verify, key");
  audit
    .command("verify")
    .description(
      "Check that the audit log is whole and as it was signed; with --file an exported one, without the host",
    )
    .option("--file <path>", "what `ncl audit export` wrote")
    .option("--key <path...>", "the public key, as `ncl audit key` shows it; former ones too")
    .option("--heads <path>", "signed heads kept elsewhere (audit.heads), which show a cut end")
    .option("--json", "print the result as JSON")
    .action(async (options: VerifyOptions) => tell(await verdictOf(client, options), options.json === true));
  audit
    .command("trace <record>")
    .description("Show what led to a record and what came of it, from the message to the deliveries")
    .option("--limit <integer>", "how many steps at most (default: 200)")
    .option("--json", "print the result as JSON")
    .action(async (record: string, options: { limit?: string; json?: boolean }) => {
      const asked = numbered(record, "record");
      const limit = options.limit === undefined ? {} : { limit: numbered(options.limit, "limit") };
      const trace = await client().call("audit.trace", { record: asked, ...limit });
      print(options.json ? `${JSON.stringify(trace)}\n` : traceText(trace, asked));
    });
  audit
    .command("follow")
    .description("Follow the audit log: a line for each new record")
    .option("--after <integer>", "begin after the record of this number, instead of now")
    .option("--json", "print each as JSON")
    .action(async (options: { after?: string; json?: boolean }) => {
      const args = options.after === undefined ? {} : { after: numbered(options.after, "after") };
      for await (const record of client().stream("audit.follow", args))
        print(options.json ? `${JSON.stringify(record)}\n` : lineOf(record));
    });
}

async function verdictOf(client: () => ControlClient, { file, key, heads }: VerifyOptions): Promise<AuditVerdict> {
  if (file === undefined) {
    if (key || heads)
      throw new Usage("--key and --heads go with --file", "Without a file the host checks its own log.");
    return client().call("audit.verify", {});
  }
  if (!key)
    throw new Usage(
      "the public key is needed",
      "Name it with --key: audit.pub in the config folder; `ncl audit key` shows it.",
    );
  const keys = key.map(publicKey);
  const others = heads === undefined ? [] : attempt(() => headsIn(readFileSync(heads, "utf8")), heads);
  try {
    const lines = createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY });
    return verdict(await verifyLines(lines, keys, others));
  } catch (error) {
    throw new Usage(`${file}: ${messageOf(error)}`, "Is it what `ncl audit export` wrote?");
  }
}

function verdict({ records, head, signedUpTo, findings }: Report): AuditVerdict {
  const problems = findings.slice(0, MOST_PROBLEMS).map(({ seq, why }) => (seq > 0 ? `record ${seq}: ${why}` : why));
  if (findings.length === 0 && signedUpTo === 0)
    problems.push("there is no signed head in it, so nothing vouches for it");
  const problem = problems.length > 0 ? problems.join("; ") : null;
  return { ok: problem === null, records, signedUpTo, head, problem, note: null };
}

function tell(found: AuditVerdict, json: boolean): void {
  print(json ? `${JSON.stringify(found)}\n` : verdictText(found));
  if (!found.ok) throw new Leave(exit.failed);
}

export function verdictText({ ok, records, signedUpTo, problem, note }: AuditVerdict): string {
  const open = records - signedUpTo;
  const lines = ok
    ? [
        `The audit log is whole: ${records} records, ${open === 0 ? "all" : signedUpTo} of them signed.`,
        ...(open > 0 ? [`The last ${open} are not signed yet: were they cut off, nothing would show it.`] : []),
      ]
    : [
        "The audit log is NOT as it was written:",
        ...(problem ?? "").split("; ").map((one) => `  ${one}`),
        `What can be relied on ends before that. Compare with a backup or an earlier export, and find out who could write to the data folder.`,
      ];
  return `${[...lines, ...(note ? [`Note: ${note}`] : [])].map(plain).join("\n")}\n`;
}

/** The asked record has a mark. */
export function traceText({ steps, more }: AuditTrace, asked: number): string {
  const width = String(Math.max(0, ...steps.map(({ n }) => n))).length;
  const lines = steps.map(({ n, depth, at, text }) => {
    const mark = n === asked ? ">" : " ";
    const branch = depth === 0 ? "" : `${"   ".repeat(Math.min(depth, 20) - 1)}└─ `;
    return `${mark} ${String(n).padStart(width)}  ${moment(at)}  ${branch}${oneLine(text, MAX_TEXT)}`;
  });
  return [...lines, ...(more ? ["  There is more; --limit shows it."] : [])].map((line) => `${line}\n`).join("");
}

function lineOf({ n, at, actor, verb, resource, decision, detail }: VerbResult<"audit.follow">): string {
  return `${oneLine([n, moment(at), decision, actor, verb, resource, detail].join("  "), MAX_TEXT)}\n`;
}

function publicKey(path: string): KeyObject {
  const key = attempt(() => createPublicKey(readFileSync(path)), path);
  if (key.asymmetricKeyType === "ed25519") return key;
  throw new Usage(`${path} is no Ed25519 key`, "`ncl audit key` shows the one that is needed.");
}

function attempt<Result>(work: () => Result, path: string): Result {
  try {
    return work();
  } catch (error) {
    throw new Usage(`${path} can't be used: ${messageOf(error)}`, "See `ncl audit verify --help`.");
  }
}

function numbered(text: string, what: string): number {
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text);
  throw new Usage(`${what}: "${text}" is no number`, "`ncl audit list` shows the numbers of records.");
}
