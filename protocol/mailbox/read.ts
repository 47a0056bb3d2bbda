/** Reads a mailbox that somebody else writes: verified snapshot, decoded, each row checked against a schema. */
import { Damaged, decodeMailbox, type Refusal } from "./decode.ts";
import { type MailboxPaths, readSnapshot, type Snapshot } from "./snapshot.ts";

/** What a zod schema offers and this module needs of it. */
export interface BodySchema<Body> {
  safeParse(
    value: unknown,
  ): { success: true; data: Body } | { success: false; error: { issues: { path: PropertyKey[]; message: string }[] } };
}

export type MailboxRead<Body> =
  | {
      status: "ok";
      /** Ascending by number. */
      rows: { n: number; body: Body }[];
      /** Rows that the writer should hear about: not JSON, too large, or not what the schema says. */
      refused: Refusal[];
      /** There may be rows after these: ask again after the last one. */
      more: boolean;
      /** Entries that are too large are left out. */
      state: Record<string, string>;
      changeCounter: number;
    }
  | Exclude<Snapshot, { status: "ok" }>;

export interface ReadOptions<Body> {
  /** Rows above this number are returned. */
  after: number;
  /** How many, refused ones included. Fewer come back when they are large. */
  limit: number;
  schema: BodySchema<Body>;
  /** Tries while the file is being written, `PAUSE_MS` apart. The calling thread waits. */
  attempts: number;
}

/** About the time of one commit. */
const PAUSE_MS = 0.5;

/** Never throws over what the writer did; "busy" says that every try met a commit. */
export function readMailbox<Body>(paths: MailboxPaths, options: ReadOptions<Body>): MailboxRead<Body> {
  let snapshot = readSnapshot(paths.db, paths.journal);
  for (let tries = 1; snapshot.status === "busy" && tries < options.attempts; tries += 1) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS);
    snapshot = readSnapshot(paths.db, paths.journal);
  }
  if (snapshot.status !== "ok") return snapshot;
  try {
    const decoded = decodeMailbox(snapshot.bytes, options.after, options.limit);
    const { changeCounter } = snapshot;
    return { status: "ok", changeCounter, ...decoded, ...checkBodies(decoded, options.schema) };
  } catch (error) {
    if (error instanceof Damaged) return { status: "invalid", why: error.message };
    throw error;
  }
}

/** Adds the rows that are not what the schema says to the refused ones. */
export function checkBodies<Body>(
  read: { rows: { n: number; body: unknown }[]; refused: Refusal[] },
  schema: BodySchema<Body>,
): { rows: { n: number; body: Body }[]; refused: Refusal[] } {
  const rows: { n: number; body: Body }[] = [];
  const refused = [...read.refused];
  for (const { n, body } of read.rows) {
    const result = schema.safeParse(body);
    if (result.success) rows.push({ n, body: result.data });
    else refused.push({ n, why: firstIssue(result.error.issues) });
  }
  return { rows, refused: refused.sort((a, b) => a.n - b.n) };
}

function firstIssue(issues: { path: PropertyKey[]; message: string }[]): string {
  const [issue] = issues;
  if (!issue) return "it is not what the schema says";
  return `${issue.path.map(String).join(".") || "body"}: ${issue.message}`.slice(0, 500);
}
