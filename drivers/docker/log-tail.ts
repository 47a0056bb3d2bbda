/** The end of a container's stderr, out of the engine's framed log stream. */

/** Each frame: one byte stream (2 is stderr), three of zero, four of length, big endian, then the text. */
const HEADER_BYTES = 8;
const STDERR = 2;

/** At most the last `limit` bytes of what the frames hold of stderr. A cut frame is taken as far as it goes. */
export function stderrTail(frames: Buffer, limit: number): string {
  const parts: Buffer[] = [];
  for (let at = 0; at + HEADER_BYTES <= frames.length; ) {
    const end = at + HEADER_BYTES + frames.readUInt32BE(at + 4);
    if (frames[at] === STDERR) parts.push(frames.subarray(at + HEADER_BYTES, end));
    at = end;
  }
  const text = Buffer.concat(parts);
  // A cut character at the front decodes to the replacement mark, at most three times.
  return text
    .subarray(Math.max(0, text.length - limit))
    .toString("utf8")
    .replace(/^\uFFFD{1,3}/, "");
}
