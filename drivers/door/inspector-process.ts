/**
 * The process that reads request bodies. It holds no secrets, may read nothing but its own code, and is killed at a
 * deadline. In: the rules as JSON in argv, then on stdin for each job its length and its bytes. Out: one byte when it is up; for each job one byte
 * (1: allowed), a length, another one, the body to send on or the reason why not, and as long as the second length says what
 * the meter needs to know of it, as JSON. Lengths are 32-bit, big-endian.
 */
import { createHash } from "node:crypto";
import { type BodyRules, inspectBody } from "../../packages/body-rules/index.ts";
import { factsOf } from "./body-facts.ts";

const UP = 0x55;

/** It is up: only now the time of a job counts. */
process.stdout.write(Buffer.of(UP));

const rules = JSON.parse(process.argv[2] ?? "{}") as BodyRules;
let waiting: Buffer[] = [];
let size = 0;

process.stdin.on("data", (chunk: Buffer) => {
  waiting.push(chunk);
  size += chunk.length;
  while (size >= 4) {
    const head = waiting[0] && waiting[0].length >= 4 ? waiting[0] : Buffer.concat(waiting);
    const end = 4 + head.readUInt32BE();
    if (size < end) return;
    const all = Buffer.concat(waiting);
    waiting = [all.subarray(end)];
    size -= end;
    answer(all.subarray(4, end));
  }
});

function answer(bytes: Buffer): void {
  const verdict = inspectBody(rules, bytes);
  const text = Buffer.from(verdict.allow ? verdict.body : verdict.why);
  const hash = createHash("sha256").update(text).digest("hex");
  const facts = Buffer.from(verdict.allow ? JSON.stringify(factsOf(verdict.request, hash)) : "");
  const head = Buffer.alloc(9);
  head.writeUInt8(verdict.allow ? 1 : 0);
  head.writeUInt32BE(text.length, 1);
  head.writeUInt32BE(facts.length, 5);
  for (const part of [head, text, facts]) process.stdout.write(part);
}
