/** `node scripts/q.ts "select ..."`: looks into the central database. Can't change it: opened read-only. */
import { existsSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { parseArgs } from "node:util";
import { runCommand, Usage } from "../cli/outcome.ts";
import { show } from "../cli/show.ts";
import { Misuse } from "../src/lib/errors.ts";
import { pathsOf } from "../src/lib/paths.ts";

/** Rows that are shown at most. */
const MAX_ROWS = 1000;

await runCommand("q", async () => {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { json: { type: "boolean" } } });
  const [sql] = positionals;
  if (!sql || positionals.length > 1)
    throw new Usage("give it one query", 'Try: node scripts/q.ts "select * from settings"');
  const { rows, more } = query(pathsOf().database, sql);
  process.stdout.write(values.json ? `${JSON.stringify(rows)}\n` : show(rows));
  if (more) process.stderr.write(`Only the first ${MAX_ROWS} rows; add a LIMIT.\n`);
});

function query(file: string, sql: string): { rows: Record<string, unknown>[]; more: boolean } {
  if (!existsSync(file)) throw new Misuse(`there is no database at ${file}`, "The host makes it: ./bin/ncl up");
  const db = new DatabaseSync(file, { readOnly: true, readBigInts: true });
  try {
    db.exec("PRAGMA query_only=1");
    const rows: Record<string, unknown>[] = [];
    for (const row of db.prepare(sql).iterate()) {
      if (rows.length === MAX_ROWS) return { rows, more: true };
      rows.push(Object.fromEntries(Object.entries(row).map(([name, value]) => [name, printable(value)])));
    }
    return { rows, more: false };
  } finally {
    db.close();
  }
}

function printable(value: unknown): unknown {
  if (value instanceof Uint8Array) return `(${value.length} bytes)`;
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  return value;
}
