/** How host and reader talk over the reader's stdin and stdout: a length of four bytes, little-endian, and JSON. */
export const LENGTH_BYTES = 4;
/** Longest answer. A host that gets a longer one takes the reader for captured. */
export const MAX_FRAME_BYTES = 3_000_000;
/** What a reader says when it is ready for its first request. */
export const READY = "ready";

/** What the host asks. Paths are relative to the sessions' directory, in which a reader lives. */
export interface ReadRequest {
  db: string;
  journal: string;
  after: number;
}

export function frameOf(text: string): Buffer {
  const length = Buffer.byteLength(text);
  const frame = Buffer.allocUnsafe(LENGTH_BYTES + length);
  frame.writeUInt32LE(length);
  frame.write(text, LENGTH_BYTES);
  return frame;
}
