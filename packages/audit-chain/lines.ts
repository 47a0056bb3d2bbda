/**
 * An audit log as JSON lines: signed heads first, so that a cut file shows, then every record. A field that no hash or
 * signature covers is refused.
 */
import type { KeyObject } from "node:crypto";
import { z } from "zod";
import type { Head } from "./head.ts";
import type { ChainedRecord } from "./record.ts";
import { ChainVerifier, type Report } from "./verify.ts";

const whole = z.int().min(0);
const hash = z.string().regex(/^[0-9a-f]{64}$/, "is not a SHA-256 in hexadecimal");

const headSchema = z.strictObject({
  counter: z.int().min(1),
  seq: whole,
  hash,
  at: whole,
  key: z.string().regex(/^[0-9a-f]{16}$/, "is not the name of a key"),
  signature: z.base64().max(200),
});

const recordSchema = z.strictObject({
  seq: z.int().min(1),
  at: z.int(),
  actor: z.string(),
  verb: z.string(),
  resource: z.string(),
  decision: z.enum(["allow", "deny", "fact"]),
  detail: z.string(),
  cause: z.int().nullable(),
  session: z.string().nullable(),
  turn: z.int().nullable(),
  version: z.int().min(1),
  previous: hash,
  hash,
});

const lineSchema = z.union([z.strictObject({ head: headSchema }), z.strictObject({ record: recordSchema })]);
export type Line = z.infer<typeof lineSchema>;

export const lineOfHead = (head: Head): Line => ({ head });

export const lineOfRecord = ({ previous, hash: own, ...fields }: ChainedRecord): Line => ({
  record: {
    ...fields,
    previous: Buffer.from(previous).toString("hex"),
    hash: Buffer.from(own).toString("hex"),
  },
});

/** Heads as they are kept in a file, one a line. @throws Error with the number of the line that is none */
export function headsIn(text: string): Head[] {
  return text.split("\n").flatMap((line, index) => (line.trim() === "" ? [] : [headOf(line, index + 1)]));
}

export const textOfHeads = (heads: readonly Head[]) => heads.map((head) => `${JSON.stringify(head)}\n`).join("");

function headOf(line: string, number: number): Head {
  const parsed = headSchema.safeParse(json(line));
  if (parsed.success) return parsed.data;
  throw new Error(`line ${number} is no head`);
}

/**
 * Checks an export.
 * @param others heads that are kept elsewhere; with them a cut end is found however well the file was cut
 * @throws Error where there is not one line
 */
export async function verifyLines(
  lines: AsyncIterable<string>,
  keys: readonly KeyObject[],
  others: readonly Head[] = [],
): Promise<Report> {
  const heads: Head[] = [];
  let verifier: ChainVerifier | null = null;
  let number = 0;
  for await (const text of lines) {
    if (text.trim() === "") continue;
    number += 1;
    const parsed = lineSchema.safeParse(json(text));
    if (!parsed.success || (verifier && "head" in parsed.data)) {
      verifier ??= new ChainVerifier([heads, others], keys);
      const report = verifier.end();
      const why = parsed.success
        ? "a head stands among the records"
        : "it is neither a head nor a record as they are written";
      return { ...report, findings: [{ seq: report.records + 1, why: `line ${number}: ${why}` }] };
    }
    if ("head" in parsed.data) {
      heads.push(parsed.data.head);
      continue;
    }
    const { previous, hash: own, ...fields } = parsed.data.record;
    verifier ??= new ChainVerifier([heads, others], keys);
    if (!verifier.take({ ...fields, previous: Buffer.from(previous, "hex"), hash: Buffer.from(own, "hex") })) break;
  }
  if (number === 0) throw new Error("there is not one line in it");
  return (verifier ?? new ChainVerifier([heads, others], keys)).end();
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
