/** Hands files of the workspace to the host, as streams of bytes over the session socket. */
import { createReadStream } from "node:fs";
import { realpath, stat } from "node:fs/promises";
import { request } from "node:http";
import { basename, resolve, sep } from "node:path";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { z } from "zod";
import { FILES_PREFIX, MAX_FILE_BYTES } from "../../protocol/session-socket.ts";

/** How long nothing may move on the socket, in milliseconds. */
const SILENCE = 30_000;

const answer = z.union([z.object({ file: z.string() }), z.object({ error: z.string() })]);

export interface UploadOptions {
  workspace: string;
  /** The session socket. */
  socket: string;
}

/** @param path absolute, or relative to the workspace. @returns the host's id of it. Rejects with words for the agent. */
export async function upload(path: string, { workspace, socket }: UploadOptions, signal: AbortSignal): Promise<string> {
  const { file, size } = await find(path, workspace);
  const asked = request({
    socketPath: socket,
    method: "PUT",
    path: `${FILES_PREFIX}${encodeURIComponent(basename(resolve(workspace, path)))}`,
    headers: { "content-length": size, "content-type": "application/octet-stream" },
    timeout: SILENCE,
    signal,
  });
  asked.on("timeout", () => asked.destroy(new Error("the host does not take it")));
  const answered = new Promise<{ status: number; body: string }>((done, failed) => {
    asked.on("error", failed);
    asked.on("response", (from) => {
      text(from).then((body) => done({ status: from.statusCode ?? 0, body }), failed);
    });
  });
  // What the host answers says more than that it hung up on the rest.
  const sent = size === 0 ? asked.end() : pipeline(createReadStream(file, { end: size - 1 }), asked);
  Promise.resolve(sent).catch(() => {});
  const { status, body } = await answered.catch((error: unknown) => {
    throw new Error(`${path} could not be sent: ${error instanceof Error ? error.message : String(error)}`);
  });
  const said = answer.safeParse(parse(body));
  if (status === 200 && said.success && "file" in said.data) return said.data.file;
  const why = said.success && "error" in said.data ? said.data.error : `the host answered with status ${status}`;
  throw new Error(`${path} could not be sent: ${why}`);
}

async function find(path: string, workspace: string): Promise<{ file: string; size: number }> {
  const home = await realpath(workspace);
  const file = await realpath(resolve(home, path)).catch(() => null);
  if (file === null) throw new Error(`${path} is not there`);
  if (!file.startsWith(home + sep))
    throw new Error(`${path} is outside the workspace ${workspace}: copy it there first`);
  const found = await stat(file);
  if (!found.isFile())
    throw new Error(`${path} is ${found.isDirectory() ? "a directory: pack it first" : "not a file"}`);
  if (found.size > MAX_FILE_BYTES) {
    throw new Error(`${path} has ${found.size} bytes, at most ${MAX_FILE_BYTES} can be sent`);
  }
  return { file, size: found.size };
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return null;
  }
}
