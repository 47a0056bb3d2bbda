/** Watches bytes as they pass for placeholders, also across the borders of chunks. Keeps some thirty bytes. */
import { PLACEHOLDER, UNFINISHED } from "../../src/vault/placeholder.ts";

const BEGINNING = "ncph_";

/** @param onFound throws: what was found must not go on */
export async function* watched(
  bytes: AsyncIterable<Uint8Array>,
  onFound: (placeholder: string) => never,
): AsyncGenerator<Uint8Array> {
  let before = "";
  for await (const chunk of bytes) {
    const found = placeholderIn(before, Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
    if (found) onFound(found);
    before = (before + latin1(chunk.subarray(-UNFINISHED))).slice(-UNFINISHED);
    yield chunk;
  }
}

function placeholderIn(before: string, chunk: Buffer): string | null {
  const [across] = (before + latin1(chunk.subarray(0, UNFINISHED))).match(PLACEHOLDER) ?? [];
  if (across) return across;
  for (let at = chunk.indexOf(BEGINNING); at >= 0; at = chunk.indexOf(BEGINNING, at + 1)) {
    const [found] = latin1(chunk.subarray(at, at + UNFINISHED + 1)).match(PLACEHOLDER) ?? [];
    if (found) return found;
  }
  return null;
}

const latin1 = (bytes: Uint8Array) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
