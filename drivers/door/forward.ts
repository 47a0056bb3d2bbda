/**
 * Sends one allowed request to the model and its answer back: byte by byte as it comes, at the pace of the slower side.
 * When one side goes away the other is let go at once.
 */
import type { ClientRequest, IncomingMessage, ServerResponse } from "node:http";
import { pipeline } from "node:stream";
import { isListed } from "../../packages/body-rules/names.ts";
import { NOTHING_READ, type Reading, UsageReader } from "../../packages/model-usage/index.ts";
import type { Clock } from "../../src/lib/clock.ts";
import { type Answer, sendAnswer } from "./answers.ts";
import { describeFailure } from "./describe-failure.ts";
import type { Target } from "./upstream.ts";

/** Milliseconds. */
export interface Patience {
  connect: number;
  /** To the first byte of the answer: a model may think for long before it speaks. */
  firstByte: number;
  /** Between two bytes of the answer; also while the client does not take them. */
  idle: number;
}

export interface Job {
  target: Target;
  method: string;
  path: string;
  headers: Record<string, string>;
  body: Buffer[];
  /** Removed from failures before they are passed on: some services repeat the key that they refuse. */
  secret: string | null;
  /** Names of the headers that pass back. */
  responseHeaders: string[];
  response: ServerResponse;
  patience: Patience;
  clock: Clock;
  /** Asked now and then while the answer comes: false where it is to be cut off. */
  goesOn(reading: Reading): boolean;
}

export interface Outcome {
  status: number;
  responseBytes: number;
  /** What was told of its use, also by an answer that was cut off; null where it can't have cost anything. */
  reading: Reading | null;
  /** What went wrong; empty where nothing did. */
  why: string;
}

/** The meter is asked again after so many bytes of text. */
const METER_EVERY = 3_000;
/** Largest failure that is passed on, bytes. */
const MAX_FAILURE = 65_536;
/** The client closed the connection before it had the whole answer. */
const CLIENT_GONE = 499;

/** Never rejects. Resolves when the answer has been passed on or given up. */
export function forward(job: Job): Promise<Outcome> {
  return new Promise((resolve) => tryOnce(job, true, resolve));
}

/** @param again a kept-open connection may turn out to be closed already: then the request was not seen, so try anew */
function tryOnce(job: Job, again: boolean, resolve: (outcome: Outcome) => void): void {
  const { response, target } = job;
  let settled = false;
  /** From then on the answer itself tells how it ends. */
  let answering = false;
  let timedOut = "";
  /** The other side may have seen the request, and so may bill it. */
  let connected = false;
  const billable = () => (connected ? NOTHING_READ : null);
  const settle = (outcome: Outcome) => {
    if (settled) return;
    settled = true;
    connecting.cancel();
    response.off("close", clientGone);
    resolve(outcome);
  };
  const giveUp = (status: number, why: string) => {
    const answer: Answer = {
      status,
      type: "api_error",
      message: `The NanoClaw gateway could not get an answer from ${target.host}: ${why}.`,
    };
    settle({ status, responseBytes: sendAnswer(response, answer), reading: billable(), why });
  };
  const length = job.body.reduce((sum, chunk) => sum + chunk.length, 0);
  const request = target.request({
    method: job.method,
    path: job.path,
    headers: { ...job.headers, "content-length": length },
  });
  const timeOut = (what: string) => {
    timedOut = what;
    request.destroy();
  };
  const connecting = job.clock.after(job.patience.connect, () => timeOut("it could not be reached in time"));
  const clientGone = () => {
    request.destroy();
    settle({ status: CLIENT_GONE, responseBytes: 0, reading: billable(), why: "the client went away" });
  };
  response.on("close", clientGone);
  whenConnected(request, () => {
    connected = true;
    connecting.cancel();
  });
  request.setTimeout(job.patience.firstByte, () => timeOut("it did not answer in time"));
  request.on("error", (error) => {
    if (settled || answering) return;
    if (again && request.reusedSocket && !timedOut && !response.headersSent) {
      settled = true;
      connecting.cancel();
      response.off("close", clientGone);
      return tryOnce(job, false, resolve);
    }
    giveUp(timedOut ? 504 : 502, timedOut || describeFailure(error));
  });
  request.on("response", (answer) => {
    answering = true;
    response.off("close", clientGone);
    request.setTimeout(job.patience.idle, () => timeOut("it fell silent in the middle of its answer"));
    const passing = answer.statusCode && answer.statusCode < 400 ? passOn : passOnFailure;
    passing(job, answer).then(
      (outcome) => settle({ ...outcome, why: timedOut || outcome.why }),
      (error) => giveUp(502, timedOut || describeFailure(error)),
    );
  });
  for (const chunk of job.body) request.write(chunk);
  request.end();
}

function whenConnected(request: ClientRequest, then: () => void): void {
  request.on("socket", (socket) => {
    if (!socket.connecting) return then();
    socket.once("encrypted" in socket ? "secureConnect" : "connect", then);
  });
}

function passOn({ response, responseHeaders, goesOn }: Job, answer: IncomingMessage): Promise<Outcome> {
  const status = answer.statusCode ?? 502;
  const reader = new UsageReader(answer.headers["content-type"] ?? "");
  let bytes = 0;
  let asked = 0;
  let cause = "";
  answer.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    reader.push(chunk);
    if (reader.reading.written - asked < METER_EVERY) return;
    asked = reader.reading.written;
    if (goesOn(reader.reading)) return;
    cause ||= "it went beyond its budget by far";
    answer.destroy();
  });
  answer.once("error", () => {
    cause ||= "the answer was cut off";
  });
  response.once("close", () => {
    cause ||= "the client went away";
  });
  response.writeHead(status, passing(answer, responseHeaders)).flushHeaders();
  return new Promise((resolve) => {
    pipeline(answer, response, (error) => {
      resolve({ status, responseBytes: bytes, reading: reader.end(), why: error ? cause : "" });
    });
  });
}

/** Failures are short: read whole, so that a key repeated in them can be taken out. */
async function passOnFailure({ response, responseHeaders, secret }: Job, answer: IncomingMessage): Promise<Outcome> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of answer) {
    parts.push(part);
    size += part.length;
    if (size > MAX_FAILURE) break;
  }
  const text = Buffer.concat(parts).subarray(0, MAX_FAILURE).toString("utf8");
  const body = Buffer.from(secret ? text.replaceAll(secret, "[removed]") : text);
  const status = answer.statusCode ?? 502;
  if (!response.destroyed) {
    response.writeHead(status, { ...passing(answer, responseHeaders), "content-length": body.length }).end(body);
  }
  return { status, responseBytes: body.length, reading: null, why: `the model's API answered ${status}` };
}

function passing(answer: IncomingMessage, names: string[]): Record<string, string | string[]> {
  const headers = Object.entries(answer.headers).filter(([name]) => isListed(names, name));
  return Object.fromEntries(headers.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
}
