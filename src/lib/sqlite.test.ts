import assert from "node:assert/strict";
import { test } from "node:test";
import { Retryable } from "./errors.ts";
import { Database } from "./sqlite.ts";

/** A database on a disk that is full. */
function full(): Database {
  const db = new Database(":memory:");
  db.exec("CREATE TABLE t (x TEXT); PRAGMA max_page_count = 2");
  return db;
}

const insert = "INSERT INTO t (x) VALUES (?)";
const large = "x".repeat(100_000);

test("a full disk is something that may pass, in a transaction and in a statement by itself", () => {
  const db = full();
  assert.throws(() => db.run(insert, large), Retryable);
  assert.throws(() => db.get(`${insert} RETURNING x`, large), Retryable);
  assert.throws(() => db.transaction(() => db.run(insert, large)), Retryable);
  assert.equal(db.run(insert, "small"), 1);
});

test("who waits on a commit is called after it, and never when it was undone", () => {
  const db = full();
  const called: string[] = [];
  db.transaction(() => {
    db.afterCommit(() => called.push("kept"));
    db.run(insert, "small");
    assert.deepEqual(called, []);
  });
  assert.throws(() =>
    db.transaction(() => {
      db.afterCommit(() => called.push("undone"));
      db.run(insert, large);
    }),
  );
  assert.deepEqual(called, ["kept"]);
});

test("an attempt that fails is undone by itself, with whoever waited on it; what is around it goes on", () => {
  const db = new Database(":memory:");
  db.exec("CREATE TABLE t (x TEXT)");
  const called: string[] = [];
  db.transaction(() => {
    db.run(insert, "before");
    db.afterCommit(() => called.push("before"));
    assert.throws(
      () =>
        db.attempt(() => {
          db.run(insert, "outer");
          db.afterCommit(() => called.push("outer"));
          db.attempt(() => db.run(insert, "inner kept"));
          assert.throws(() =>
            db.attempt(() => {
              db.run(insert, "inner");
              throw new Error("inner");
            }),
          );
          assert.deepEqual(db.all("SELECT x FROM t").length, 3);
          throw new Error("outer");
        }),
      /outer/,
    );
    assert.equal(
      db.attempt(() => db.run(insert, "after")),
      1,
    );
    db.afterCommit(() => called.push("after"));
  });
  assert.deepEqual(
    db.all<{ x: string }>("SELECT x FROM t").map(({ x }) => x),
    ["before", "after"],
  );
  assert.deepEqual(called, ["before", "after"]);
});

test("an attempt on a full disk leaves the transaction that holds it whole or undone, never half", () => {
  const db = full();
  assert.throws(
    () =>
      db.transaction(() => {
        db.run(insert, "before");
        db.attempt(() => db.run(insert, large));
      }),
    Retryable,
  );
  assert.deepEqual(db.all("SELECT x FROM t"), []);
  assert.throws(() => db.attempt(() => db.run(insert, large)), Retryable);
  assert.equal(
    db.attempt(() => db.run(insert, "alone")),
    1,
  );
});
