import assert from "node:assert/strict";
import { test } from "node:test";
import { type ProvenAttack, rowOf, summary } from "./prove.ts";

const attack: ProvenAttack = {
  ...{ id: "kernel.bpf", wall: "kernel", control: "the system call filter", held: true },
  ...{ tried: "load a program into the kernel", happened: "bpf: EPERM" },
};

test("a row says what was tried, what happened and what stopped it", () => {
  const row = rowOf(attack);
  assert.match(row, /^ {2}✓ held +load a program into the kernel {2,}bpf: EPERM {2,}the system call filter\n$/);
  assert.match(rowOf({ ...attack, held: false }), /✗ NOT HELD/);
  assert.match(rowOf({ ...attack, held: "not given" }), /- not given/);
});

test("what a container says can't drive the terminal or leave its cell", () => {
  const row = rowOf({ ...attack, happened: `\x1b[2J${"x".repeat(500)}\nnext` });
  assert.ok(!row.includes("\x1b") && row.split("\n").length === 2 && row.length < 200, row);
});

test("the end says whether it is closed, what is not given, and what to do", () => {
  const end = { type: "end", ok: true, held: 170, failed: 0, notGiven: 4 } as const;
  assert.match(summary(end), /All 170 attacks were stopped\. 4 controls are not given/);
  assert.match(summary({ ...end, ok: false, failed: 2 }), /2 of 176 attacks were NOT stopped.*ncl sandbox describe/s);
  assert.match(summary(null), /broken off: it shows nothing/);
});
