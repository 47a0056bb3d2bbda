/** Reads the fields and files of a Bot API request: JSON, or multipart as the library writes it. */
import type { IncomingMessage } from "node:http";

export interface UploadedFile {
  name: string;
  bytes: Buffer;
}

export interface BotRequest {
  fields: Record<string, unknown>;
  /** By the name of their part. */
  files: Map<string, UploadedFile>;
}

export async function readRequest(request: IncomingMessage): Promise<BotRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  const boundary = /boundary=(.+)$/.exec(request.headers["content-type"] ?? "")?.[1];
  if (boundary) return readParts(body, boundary);
  return { fields: body.length > 0 ? JSON.parse(body.toString()) : {}, files: new Map() };
}

function readParts(body: Buffer, boundary: string): BotRequest {
  const fields: Record<string, unknown> = {};
  const files = new Map<string, UploadedFile>();
  // One byte a character, so that bytes stay what they are.
  for (const part of body.toString("latin1").split(`--${boundary}`)) {
    const end = part.indexOf("\r\n\r\n");
    const head = Buffer.from(part.slice(0, end), "latin1").toString();
    const name = /name="([^"]+)"/.exec(head)?.[1];
    if (end === -1 || !name) continue;
    const bytes = Buffer.from(part.slice(end + 4).replace(/\r\n$/, ""), "latin1");
    const filename = /filename=([^\r\n]+)/.exec(head)?.[1];
    if (filename) files.set(name, { name: filename, bytes });
    else fields[name] = plain(bytes.toString());
  }
  return { fields, files };
}

/** Multipart knows text only; what is an object or a number to us was JSON. */
function plain(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
