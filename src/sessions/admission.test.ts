import assert from "node:assert/strict";
import { test } from "node:test";
import type { SessionId } from "../lib/ids.ts";
import { Admission } from "./admission.ts";

const id = (name: string) => name as SessionId;

test("slots are given in the order of asking, and a released one goes to the next", () => {
  const granted: string[] = [];
  const admission = new Admission(2, () => {});
  for (const name of ["a", "b", "c", "d"]) admission.ask(id(name), () => granted.push(name));
  assert.deepEqual(granted, ["a", "b"]);
  admission.leave(id("c"));
  admission.release(id("a"));
  assert.deepEqual(granted, ["a", "b", "d"]);
  assert.equal(admission.waiting, 0);
});

test("whoever waits asks an idle holder to make room; adopted containers count", () => {
  let asked = 0;
  const admission = new Admission(1, () => {
    asked += 1;
  });
  admission.hold(id("adopted"));
  const granted: string[] = [];
  admission.ask(id("a"), () => granted.push("a"));
  assert.equal(asked, 1);
  assert.deepEqual(granted, []);
  admission.release(id("adopted"));
  assert.deepEqual(granted, ["a"]);
});

test("a holder that has become idle is asked to make room for who waits, and for nobody otherwise", () => {
  let asked = 0;
  const admission = new Admission(1, () => {
    asked += 1;
  });
  admission.ask(id("a"), () => {});
  admission.idle();
  assert.equal(asked, 0);
  admission.ask(id("b"), () => {});
  admission.idle();
  assert.equal(asked, 2);
});

test("while nobody knows how many containers run, nothing is granted", () => {
  const admission = new Admission(2, () => {});
  const granted: string[] = [];
  admission.close();
  for (const name of ["a", "b"]) admission.ask(id(name), () => granted.push(name));
  admission.hold(id("found"));
  assert.deepEqual(granted, []);
  admission.open();
  assert.deepEqual(granted, ["a"]);
});
