import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type TestContext, test } from "node:test";

function database(t: TestContext): (...words: string[]) => { status: number | null; stdout: string; stderr: string } {
  const data = mkdtempSync(join(tmpdir(), "ncl-q-"));
  t.after(() => rmSync(data, { recursive: true }));
  const db = new DatabaseSync(join(data, "v2.db"));
  t.after(() => db.close());
  db.exec(
    "PRAGMA journal_mode=WAL; CREATE TABLE t (n, s); INSERT INTO t VALUES (1, 'one'), (9007199254740993, x'00ff')",
  );
  const env = { ...process.env, NANOCLAW_DATA: data };
  const script = resolve(import.meta.dirname, "q.ts");
  return (...words) => spawnSync(process.execPath, [script, ...words], { env, encoding: "utf8" });
}

test("a query shows a table, or JSON", (t) => {
  const q = database(t);
  assert.equal(
    q("select n, s from t").stdout,
    "n                 s\n1                 one\n9007199254740993  (2 bytes)\n",
  );
  assert.equal(q("--json", "select n from t limit 1").stdout, '[{"n":1}]\n');
});

test("nothing can be changed", (t) => {
  const q = database(t);
  for (const sql of ["delete from t", "create table x (n)", "pragma query_only=0"]) q(sql);
  assert.match(q("delete from t").stderr, /readonly database/);
  assert.equal(q("--json", "select count(*) as c from t").stdout, '[{"c":2}]\n');
});

test("a wrong query says what is wrong; many rows are cut with a word about it", (t) => {
  const q = database(t);
  assert.deepEqual([q("selct").status, q().status], [1, 2]);
  const many = q("--json", "with recursive c(n) as (select 1 union all select n+1 from c) select n from c");
  assert.equal(JSON.parse(many.stdout).length, 1000);
  assert.match(many.stderr, /Only the first 1000 rows/);
});
