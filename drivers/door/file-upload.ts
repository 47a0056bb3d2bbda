/** A file that an agent wants to send: a PUT on the session socket, taken as bytes and never looked into. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { FILES_PREFIX, MAX_FILE_BYTES } from "../../protocol/session-socket.ts";
import type { DoorHooks } from "../../src/gateway/door.ts";
import { Misuse } from "../../src/lib/errors.ts";

const MAX_NAME = 200;

/** Whether this request is one. */
export const isUpload = ({ method, url = "" }: IncomingMessage) => method === "PUT" && url.startsWith(FILES_PREFIX);

/** Answers it: `{ file }`, or `{ error }` in words for the agent. Never rejects. @returns status and bytes, for the record */
export async function takeUpload(
  request: IncomingMessage,
  response: ServerResponse,
  take: DoorHooks["onFile"],
): Promise<{ status: number; why: string }> {
  const answer = (status: number, body: { file: string } | { error: string }) => {
    // What is refused is read to its end all the same: the sender hears the answer only then.
    request.resume();
    if (!response.headersSent) response.writeHead(status, { "content-type": "application/json" });
    response.end(JSON.stringify(body));
    return { status, why: "error" in body ? body.error : "" };
  };
  const name = nameOf(request.url ?? "");
  if (name === null) return answer(400, { error: "the file has no name that can be read" });
  if (Number(request.headers["content-length"] ?? 0) > MAX_FILE_BYTES)
    return answer(413, { error: `the file is larger than ${MAX_FILE_BYTES / 1e6} MB, the most that can be sent` });
  try {
    return answer(200, { file: await take(name, request.iterator({ destroyOnReturn: false })) });
  } catch (error) {
    // What still comes is read and dropped, so that the client gets to read the answer.
    request.resume();
    if (error instanceof Misuse) return answer(400, { error: error.message });
    return answer(500, { error: "the file could not be taken; the disk may be full" });
  }
}

function nameOf(url: string): string | null {
  try {
    const name = decodeURIComponent(url.slice(FILES_PREFIX.length));
    return name.length > 0 && name.length <= MAX_NAME ? name : null;
  } catch {
    return null;
  }
}
