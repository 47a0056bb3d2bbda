/** A request of the container to a model, from its first line to its record: decide, read, inspect, forward. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Reading } from "../../packages/model-usage/index.ts";
import type { Usage } from "../../protocol/rows.ts";
import type { ModelBundle } from "../../src/gateway/bundle.ts";
import type { Credential, RequestIntent, RequestRecord, Upstream } from "../../src/gateway/door.ts";
import { decideModelRequest, type Refusal, withCredential } from "../../src/gateway/head-rules.ts";
import type { MeteredRequest, Meter as MeterPort, MeterVerdict } from "../../src/gateway/meter.ts";
import type { Clock } from "../../src/lib/clock.ts";
import { messageOf } from "../../src/lib/errors.ts";
import type { Log } from "../../src/lib/log.ts";
import { type Answer, refusal, sendAnswer } from "./answers.ts";
import { forward } from "./forward.ts";
import type { Inspection } from "./inspector.ts";
import { type Limits, TokenBucket } from "./limits.ts";
import { type Body, type Held, readBody } from "./read-body.ts";
import type { Target, Upstreams } from "./upstream.ts";

export interface ProxyParts {
  bundles: readonly ModelBundle[];
  upstreams: Upstreams;
  inspector: { inspect(chunks: Buffer[], size: number): Promise<Inspection> };
  upstream(): Upstream;
  credential(name: string): Promise<Credential | null>;
  /** Resolves when the intent is durable. Rejects where it can't be: then the request does not go out. */
  intend(entry: Omit<RequestIntent, "session" | "agentGroup">): Promise<number | null>;
  record(entry: Entry): void;
  /** Of this session. */
  meter: SessionMeter;
  limits: Limits;
  clock: Clock;
  log: Log;
}

export type SessionMeter = { ask(request: MeteredRequest): MeterVerdict } & Pick<MeterPort, "goesOn" | "ended">;
type Entry = Omit<RequestRecord, "session" | "agentGroup">;
/** Why it goes no further. */
type Stop = { stop: Answer; why: string; decision: Entry["decision"] };

export class ModelProxy {
  readonly #parts: ProxyParts;
  readonly #bucket: TokenBucket;
  readonly #held: Held;
  /** One body of a session is inspected at a time, so that no session crowds the others out of the inspector. */
  #inspecting: Promise<unknown> = Promise.resolve();

  constructor(parts: ProxyParts) {
    this.#parts = parts;
    this.#bucket = new TokenBucket(parts.clock, parts.limits);
    this.#held = { bytes: 0, limit: parts.limits.bodyBytes };
  }

  /** Answers the request, whatever happens, and records it once. Never rejects. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { clock, log, record } = this.#parts;
    const began = clock.now();
    const { method = "", url = "" } = request;
    const seen: Entry = {
      ...{ method, path: url, host: "", status: 500, decision: "deny", why: "" },
      ...{ requestBytes: 0, responseBytes: 0, ms: 0, usage: null, intent: null },
    };
    request.on("error", () => {});
    response.on("error", () => {});
    try {
      const stopped = await this.#serve(request, response, seen);
      if (stopped) {
        const responseBytes = sendAnswer(response, stopped.stop);
        Object.assign(seen, {
          status: stopped.stop.status,
          why: stopped.why,
          decision: stopped.decision,
          responseBytes,
        });
      }
    } catch (error) {
      log.error({ error: messageOf(error), path: url.slice(0, 200) }, "a request failed in the gateway");
      const message = "The NanoClaw gateway failed over this request; its log says why (`ncl logs`).";
      Object.assign(seen, {
        why: "the gateway failed",
        responseBytes: sendAnswer(response, { status: 500, type: "api_error", message }),
      });
    }
    record({ ...seen, ms: clock.now() - began });
  }

  async #serve(request: IncomingMessage, response: ServerResponse, seen: Entry): Promise<Stop | null> {
    const { bundles, clock, inspector, limits, meter } = this.#parts;
    if (!this.#bucket.take()) return refuse(seen, tooMany(`more than ${limits.rate} requests a second`));
    const head = decideModelRequest(bundles, { method: seen.method, target: seen.path, headers: request.headers });
    if (!head.allow) return refuse(seen, head);
    const ready = await this.#prepare(head.bundle);
    if ("stop" in ready) return ready;
    const { target, credential, billed } = ready;
    seen.host = target.host;

    const { maxBodyBytes } = head.bundle;
    const body = await readBody(request, { held: this.#held, limit: maxBodyBytes, time: limits.bodyTime, clock });
    if (typeof body === "string") return refuse(seen, BODY_PROBLEMS[body]);
    try {
      seen.requestBytes = body.size;
      const inspection = await this.#inOrder(() => inspector.inspect(body.chunks, body.size));
      if (!inspection.allow) return refuse(seen, { status: 403, type: "permission_error", why: inspection.why });
      const { method, path, host } = seen;
      const named = credential ? head.bundle.credential : null;
      try {
        seen.intent = await this.#parts.intend({ method, path, host, credential: named });
      } catch (error) {
        this.#parts.log.error({ error: messageOf(error) }, "a request was not let out: it could not be recorded");
        return unrecorded;
      }
      const asked = head.billed ? meter.ask({ ...inspection.facts, bytes: body.size, billed }) : NOT_METERED;
      if (!asked.allow) return { stop: { ...asked, message: asked.why }, why: asked.why, decision: "deny" };
      const { reading, ...outcome } = await forward({
        ...{ target, response, clock, method: seen.method, path: head.path, body: inspection.body },
        headers: withCredential(head.bundle, head.headers, credential),
        secret: credential?.secret ?? null,
        responseHeaders: head.bundle.responseHeaders,
        patience: limits.patience,
        goesOn: (soFar) => asked.id === null || meter.goesOn(asked.id, soFar),
      });
      if (asked.id !== null) meter.ended(asked.id, outcome.status, reading);
      Object.assign(seen, outcome, { usage: reading && toldUsage(reading), decision: "allow" });
      return null;
    } finally {
      this.#held.bytes -= body.size;
    }
  }

  /** Where the request goes and with which credential, or what the owner has to do first. */
  async #prepare(
    bundle: ModelBundle,
  ): Promise<{ target: Target; credential: Credential | null; billed: boolean } | Stop> {
    const upstream = this.#parts.upstream();
    const target = this.#parts.upstreams.to(upstream);
    const billed = upstream.needsCredential;
    if (!billed) return { target, credential: null, billed };
    const [credential, problem] = await this.#parts.credential(bundle.credential).then(
      (found) => [found, found ? "" : "no credential is set"] as const,
      (error) => {
        // The text may name files of the host: it is for the owner, not for the container.
        this.#parts.log.error({ error: messageOf(error) }, "the model's credential can't be read");
        return [null, "the credential can't be read (`ncl logs` says why)"] as const;
      },
    );
    if (credential) return { target, credential, billed };
    const message = `The NanoClaw gateway has no way into ${bundle.title}: ${problem}. The owner sets one with \`ncl credentials set ${bundle.credential}\`, or goes back to the practice model with \`ncl model use practice\`.`;
    return { stop: { status: 401, type: "authentication_error", message }, why: problem, decision: "deny" };
  }

  #inOrder<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#inspecting.then(task);
    this.#inspecting = result;
    return result;
  }
}

const NOT_METERED = { allow: true, id: null } as const;

/** What the answer itself told; the audit log holds no estimates. */
function toldUsage({ told }: Reading): Usage | null {
  return (
    told && {
      inputTokens: told.input,
      outputTokens: told.output,
      cacheReadTokens: told.cacheRead,
      cacheWriteTokens: told.cacheWrite,
    }
  );
}
const unrecorded: Stop = {
  stop: {
    status: 503,
    type: "overloaded_error",
    message:
      "The NanoClaw gateway let nothing out: it could not record the request. The owner must make sure that the disk has room.",
  },
  why: "it could not be recorded",
  decision: "deny",
};

const tooMany = (why: string): Refusal => ({ status: 429, type: "rate_limit_error", why });

const BODY_PROBLEMS: Record<Extract<Body, string>, Refusal> = {
  "too large": { status: 413, type: "request_too_large", why: "its body is too large" },
  "too much at once": tooMany("too much is being sent at once"),
  late: { status: 408, type: "invalid_request_error", why: "its body took too long" },
  broken: { status: 400, type: "invalid_request_error", why: "its body did not come whole" },
};

function refuse(seen: Entry, verdict: Refusal): Stop {
  const what = `${seen.method} ${(seen.path.split("?")[0] ?? "").slice(0, 200)}`;
  return { stop: refusal(what, verdict), why: verdict.why, decision: "deny" };
}
