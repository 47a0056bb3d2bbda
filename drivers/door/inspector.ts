/**
 * Reads request bodies in a process of its own (R4, R11): what a container sends is never parsed beside the secrets, and
 * a body that takes long or too much memory costs that process, not the host. It is started when a request is near and
 * ends when none has come for a while. One body at a time, in the order of arrival.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { z } from "zod";
import type { BodyRules } from "../../packages/body-rules/index.ts";
import type { BodyFacts } from "../../src/gateway/meter.ts";
import type { Clock, Timer } from "../../src/lib/clock.ts";
import type { Log } from "../../src/lib/log.ts";

export type Inspection = { allow: true; body: Buffer[]; facts: BodyFacts } | { allow: false; why: string };

const factsSchema: z.ZodType<BodyFacts> = z.object({
  model: z.string().max(100),
  maxOutput: z.int().min(0).nullable(),
  streamed: z.boolean(),
  fast: z.boolean(),
  hash: z.string().regex(/^[0-9a-f]{64}$/),
});

/** Until the process is up, milliseconds: a busy or small machine needs its time. */
const START = 30_000;
/** Longest that a body may take, milliseconds: so much, and so much more for each megabyte. */
const DEADLINE = 5_000;
const DEADLINE_PER_MB = 200;
/** From this size on a body takes the slow lane, bytes: the worst of a smaller one takes some 100 ms. */
const LARGE = 2_000_000;
/** It ends after so many milliseconds without work. */
const IDLE = 60_000;
/** Heap for one body of the largest size, megabytes. */
const HEAP = 512;

/** What it may answer at most, bytes: a body written anew can be longer than it was, but not by much. */
const MAX_ANSWER = 64_000_000;
/** One byte for the verdict, four for each length. */
const HEAD = 9;
const MAX_FACTS = 1000;

interface Job {
  chunks: Buffer[];
  size: number;
  done(inspection: Inspection): void;
}

/** Two lanes, so that one session's large bodies do not hold up the usual ones of the others. */
export class Inspectors {
  readonly #usual: Inspector;
  readonly #large: Inspector;
  constructor(rules: BodyRules, clock: Clock, log: Log) {
    this.#usual = new Inspector(rules, clock, log);
    this.#large = new Inspector(rules, clock, log);
  }

  /** A request will come soon. */
  warm(): void {
    this.#usual.warm();
  }

  /** Never rejects: what can't be read is not allowed. */
  inspect(chunks: Buffer[], size: number): Promise<Inspection> {
    return (size < LARGE ? this.#usual : this.#large).inspect(chunks, size);
  }

  close(): void {
    this.#usual.close();
    this.#large.close();
  }
}

class Inspector {
  readonly #rules: BodyRules;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #queue: Job[] = [];
  #child: ChildProcess | null = null;
  #isUp = false;
  #current: Job | null = null;
  #received: Buffer[] = [];
  #size = 0;
  #deadline: Timer | null = null;
  #idle: Timer | null = null;

  constructor(rules: BodyRules, clock: Clock, log: Log) {
    this.#rules = rules;
    this.#clock = clock;
    this.#log = log;
  }

  /** Starts the process if it does not run. */
  warm(): void {
    this.#idle?.cancel();
    this.#idle = this.#clock.after(IDLE, () => {
      if (this.#current) this.warm();
      else this.close();
    });
    this.#child ??= this.#start();
  }

  inspect(chunks: Buffer[], size: number): Promise<Inspection> {
    return new Promise((done) => {
      this.#queue.push({ chunks, size, done });
      this.#next();
    });
  }

  close(): void {
    this.#idle?.cancel();
    for (const job of this.#queue.splice(0)) job.done({ allow: false, why: "the gateway was closed" });
    this.#fail("the gateway was closed");
  }

  #start(): ChildProcess {
    const code = import.meta.dirname;
    const limits = [
      "--permission",
      `--allow-fs-read=${code}`,
      `--allow-fs-read=${join(code, "../../packages/body-rules")}`,
      `--max-old-space-size=${HEAP}`,
      "--disable-warning=SecurityWarning",
    ];
    const file = join(code, "inspector-process.ts");
    this.#isUp = false;
    const child = spawn(process.execPath, [...limits, file, JSON.stringify(this.#rules)], {
      env: {},
      stdio: ["pipe", "pipe", "ignore"],
    });
    child.stdout.on("data", (chunk: Buffer) => {
      if (child === this.#child) this.#take(chunk);
    });
    // A write to a process that has just died; its end is handled below.
    child.stdin.on("error", () => {});
    const gone = (cause: unknown) => {
      if (child !== this.#child) return;
      this.#log.warn({ cause: String(cause) }, "the process that inspects request bodies ended");
      this.#fail("it is too large or too deep to be inspected");
    };
    child.on("error", gone).on("exit", (code, signal) => gone(signal ?? code));
    return child;
  }

  #next(): void {
    if (this.#current) return;
    const job = this.#queue.shift();
    if (!job) return;
    this.#current = job;
    this.warm();
    this.#await(job);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(job.size);
    for (const part of [length, ...job.chunks]) this.#child?.stdin?.write(part);
  }

  #await(job: Job): void {
    this.#deadline?.cancel();
    const time = this.#isUp ? DEADLINE + (job.size / 1e6) * DEADLINE_PER_MB : START;
    const why = this.#isUp ? "inspecting it took too long" : "the process that inspects it did not start in time";
    this.#deadline = this.#clock.after(time, () => this.#fail(why));
  }

  #take(bytes: Buffer): void {
    let chunk = bytes;
    if (!this.#isUp) {
      this.#isUp = true;
      // Its first byte says just that.
      chunk = bytes.subarray(1);
      if (this.#current) this.#await(this.#current);
    }
    if (chunk.length === 0) return;
    this.#received.push(chunk);
    this.#size += chunk.length;
    if (this.#size < HEAD) return;
    if ((this.#received[0]?.length ?? 0) < HEAD) this.#received = [Buffer.concat(this.#received)];
    const [first = Buffer.alloc(HEAD), ...more] = this.#received;
    const length = first.readUInt32BE(1);
    const factsLength = first.readUInt32BE(5);
    if (length > MAX_ANSWER || factsLength > MAX_FACTS) {
      this.#fail("it is too large");
      return;
    }
    if (this.#size < HEAD + length + factsLength) return;
    const answer = [first.subarray(HEAD), ...more];
    this.#received = [];
    this.#size = 0;
    if (first[0] === 1) this.#allow(answer, length);
    else this.#finish({ allow: false, why: Buffer.concat(answer).toString("utf8").slice(0, 500) });
  }

  /** @param answer the body, of `length`, and after it the facts. A body is large: it is not copied to part them. */
  #allow(answer: Buffer[], length: number): void {
    const body: Buffer[] = [];
    const rest: Buffer[] = [];
    let left = length;
    for (const part of answer) {
      if (left > 0) body.push(part.subarray(0, left));
      if (part.length > left) rest.push(part.subarray(left));
      left = Math.max(0, left - part.length);
    }
    try {
      const facts = factsSchema.parse(JSON.parse(Buffer.concat(rest).toString("utf8")));
      this.#finish({ allow: true, body, facts });
    } catch {
      this.#fail("it can't be inspected");
    }
  }

  #fail(why: string): void {
    this.#child?.kill("SIGKILL");
    this.#child = null;
    this.#received = [];
    this.#size = 0;
    this.#finish({ allow: false, why });
  }

  #finish(inspection: Inspection): void {
    this.#deadline?.cancel();
    const job = this.#current;
    this.#current = null;
    job?.done(inspection);
    this.#next();
  }
}
