/** Files in both directions. Bytes go to and come from Slack's own hosts alone, each with an end and a bound. */
import { openAsBlob } from "node:fs";
import { stat } from "node:fs/promises";
import type { OutgoingFile } from "../../src/channels/channel.ts";
import type { Clock } from "../../src/lib/clock.ts";
import { Rejected, Retryable, Unknown } from "../../src/lib/errors.ts";
import { asContract } from "./failures.ts";
import type { SlackApi } from "./web-api.ts";

/** Bytes of a file that are taken, as the host has it for all channels. */
const MOST_BYTES = 50_000_000;
const MOST_FILES = 10;
const FETCH_LIMIT = 5 * 60_000;

/** A file that is to be sent, with its size in bytes. */
export type Upload = OutgoingFile & { size: number };

/** @throws Rejected where Slack would take none of them, or they are not there */
export async function uploadsOf(files: OutgoingFile[]): Promise<Upload[]> {
  if (files.length > MOST_FILES) throw new Rejected(`at most ${MOST_FILES} files go in one message`);
  return Promise.all(
    files.map(async (file) => {
      const found = await stat(file.path).catch(() => null);
      if (!found?.isFile()) throw new Rejected(`the file "${file.name}" is not there any more`);
      if (found.size === 0) throw new Rejected(`the file "${file.name}" is empty, which Slack does not take`);
      if (found.size > MOST_BYTES) throw new Rejected(`the file "${file.name}" is larger than 50 MB`);
      return { ...file, size: found.size };
    }),
  );
}

/**
 * Brings a file to Slack, where nobody sees it yet. May be repeated.
 * @param ms how long it may take
 * @returns its id there. Throws like a channel's `send`, but never Unknown: what is not shown does not count
 */
export async function upload(api: SlackApi, clock: Clock, file: Upload, ms: number): Promise<string> {
  const filename =
    file.name
      .replace(/\p{Cc}/gu, "_")
      .slice(0, 200)
      .toWellFormed() || "file";
  const place = await api
    .call((client) => client.files.getUploadURLExternal({ filename, length: file.size }))
    .catch((error) => {
      const known = asContract(error);
      throw known instanceof Unknown ? new Retryable(known.message) : known;
    });
  const url = place.upload_url ? api.own(place.upload_url) : null;
  if (!url || !place.file_id) throw new Retryable("Slack named no place of its own for the file");
  const ended = new AbortController();
  const timer = clock.after(ms, () => ended.abort());
  try {
    const body = await openAsBlob(file.path);
    const headers = { "content-type": "application/octet-stream" };
    const response = await fetch(url, { method: "POST", body, headers, redirect: "error", signal: ended.signal });
    await response.body?.cancel();
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    return place.file_id;
  } catch (error) {
    throw new Retryable(
      `the file "${file.name}" did not get to Slack (${ended.signal.aborted ? "no answer" : wordsOf(error)})`,
    );
  } finally {
    timer.cancel();
  }
}

/** When the messages were sent that show a file in a chat, as Slack dates them. @throws SlackFailure */
export async function sharedAt(api: SlackApi, id: string, chat: string): Promise<string | null> {
  const { file } = await api.call((client) => client.files.info({ file: id }));
  const { public: open = {}, private: closed = {} } = (file?.shares ?? {}) as Record<
    string,
    Record<string, { ts?: string }[]>
  >;
  return open[chat]?.[0]?.ts ?? closed[chat]?.[0]?.ts ?? null;
}

/** The bytes of a file that came with a message. Throws like a channel's `fetch`. */
export async function download(api: SlackApi, clock: Clock, id: string): Promise<AsyncIterable<Uint8Array>> {
  const { file } = await api
    .call((client) => client.files.info({ file: id }))
    .catch((error) => {
      throw asContract(error);
    });
  if ((file?.size ?? 0) > MOST_BYTES) throw tooLarge();
  const url = api.own(file?.url_private_download || file?.url_private || "");
  if (!url) throw new Rejected("the file does not lie with Slack itself, and is not fetched from elsewhere");
  const ended = new AbortController();
  const timer = clock.after(FETCH_LIMIT, () => ended.abort());
  const headers = { authorization: api.authorization };
  // The token goes where it was meant for: nowhere that an answer sends us on to.
  const response = await fetch(url, { headers, redirect: "manual", signal: ended.signal }).catch(() => null);
  const problem = problemOf(response, file?.mimetype ?? "");
  if (problem || !response?.body) {
    timer.cancel();
    void response?.body?.cancel();
    throw problem ?? new Retryable("Slack gave an empty file");
  }
  return bounded(response.body, () => timer.cancel());
}

function problemOf(response: Response | null, type: string): Rejected | Retryable | null {
  if (!response) return new Retryable("Slack did not give the file (no answer)");
  const { status, headers } = response;
  // Whoever may not read files is shown the page for signing in.
  const page = headers.get("content-type")?.startsWith("text/html") && type !== "text/html";
  if (page || (status >= 300 && status < 400)) {
    return new Rejected("Slack does not let the app read files; it may lack the scope files:read");
  }
  if (status === 404 || status === 410) return new Rejected("the file is not there any more");
  return response.ok ? null : new Retryable(`Slack did not give the file (HTTP ${status})`);
}

const tooLarge = () => new Rejected("the file is larger than 50 MB, the most that is taken");

async function* bounded(body: AsyncIterable<Uint8Array>, end: () => void): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  try {
    for await (const chunk of body) {
      bytes += chunk.length;
      if (bytes > MOST_BYTES) throw tooLarge();
      yield chunk;
    }
  } catch (error) {
    throw error instanceof Rejected ? error : new Retryable("the connection broke while the file came");
  } finally {
    end();
  }
}

const wordsOf = (error: unknown) =>
  error instanceof Error && error.message.startsWith("HTTP ") ? error.message : "no answer";
