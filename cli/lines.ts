/** Splits bytes into lines, with a bound on each, so that no peer and no file can fill our memory. */
import { Misuse } from "../src/lib/errors.ts";

/** @param maxBytes longest line; a longer one throws Misuse. The end of the bytes ends the last line too. */
export async function* linesOf(chunks: AsyncIterable<Buffer>, maxBytes: number): AsyncGenerator<string> {
  let parts: Buffer[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    let from = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
      parts.push(chunk.subarray(from, end));
      yield Buffer.concat(parts).toString("utf8");
      parts = [];
      size = 0;
      from = end + 1;
    }
    parts.push(chunk.subarray(from));
    size += chunk.length - from;
    if (size > maxBytes) throw new Misuse(`a line is longer than ${maxBytes} bytes`);
  }
  if (size > 0) yield Buffer.concat(parts).toString("utf8");
}
