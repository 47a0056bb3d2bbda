import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { placeholderOf } from "../../src/vault/placeholder.ts";
import { watched } from "./scan.ts";

const placeholder = placeholderOf(Buffer.alloc(32), "s-1", "github");

async function* inChunks(bytes: Buffer, sizes: number[]): AsyncGenerator<Uint8Array> {
  let at = 0;
  for (let i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length] ?? 1;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

/** @returns what passed, and what was found */
async function scan(bytes: Buffer, sizes: number[]): Promise<{ passed: Buffer; found: string | null }> {
  const passed: Uint8Array[] = [];
  let found: string | null = null;
  const onFound = (one: string): never => {
    found = one;
    throw new Error("found");
  };
  try {
    for await (const chunk of watched(inChunks(bytes, sizes), onFound)) passed.push(chunk);
  } catch (error) {
    assert.equal(found === null ? error : null, null);
  }
  return { passed: Buffer.concat(passed), found };
}

const sizes = fc.array(fc.integer({ min: 1, max: 80 }), { minLength: 1, maxLength: 6 });
const filling = fc.oneof(fc.uint8Array({ maxLength: 200 }), fc.constant(Buffer.from("ncph_ncph_abcncph_")));

test("a placeholder is found wherever the chunks are cut, and never passes whole", async () => {
  await fc.assert(
    fc.asyncProperty(filling, filling, sizes, async (before, after, cuts) => {
      const bytes = Buffer.concat([before, Buffer.from(placeholder), after]);
      const { passed, found } = await scan(bytes, cuts);
      assert.equal(found, placeholder);
      assert.equal(passed.includes(placeholder), false);
    }),
  );
});

test("bytes without one pass unchanged, also with what begins like one", async () => {
  await fc.assert(
    fc.asyncProperty(filling, sizes, async (bytes, cuts) => {
      const almost = Buffer.concat([bytes, Buffer.from(placeholder.slice(0, -1)), Buffer.from("1"), bytes]);
      const { passed, found } = await scan(almost, cuts);
      assert.equal(found, null);
      assert.deepEqual(passed, almost);
    }),
  );
});
