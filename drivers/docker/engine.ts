/** The calls of the Docker Engine API that are needed, each answer validated. API: docs.docker.com/reference/api/engine. */
import { z } from "zod";
import { Retryable } from "../../src/lib/errors.ts";
import type { SandboxStats } from "../../src/sandbox/sandbox.ts";
import { type Answer, type Call, call } from "./connection.ts";
import type { Refusal } from "./explain.ts";
import { stderrTail } from "./log-tail.ts";

/** The API of engine 20.10, which every later one speaks until it says otherwise. */
const OLDEST_API = "1.41";
const USUAL_DEADLINE = 10_000;
/** Making a container writes to disk; a busy machine takes its time. */
const START_DEADLINE = 60_000;
const STDERR_BYTES = 4096;

const version = z.object({
  Version: z.string(),
  ApiVersion: z.string(),
  MinAPIVersion: z.string().optional(),
  /** Of the machine that containers run on. */
  Arch: z.string().optional(),
});
const info = z.object({
  OSType: z.string(),
  OperatingSystem: z.string().default(""),
  Runtimes: z.record(z.string(), z.object({ runtimeArgs: z.array(z.string()).nullish() })).default({}),
  DefaultRuntime: z.string().default("runc"),
  SecurityOptions: z.array(z.string()).nullish(),
  MemoryLimit: z.boolean().default(false),
  PidsLimit: z.boolean().default(false),
  CpuCfsQuota: z.boolean().default(false),
});
export type EngineInfo = z.infer<typeof info>;
const created = z.object({ Id: z.string().min(12) });
const waited = z.object({ StatusCode: z.int(), Error: z.object({ Message: z.string() }).nullish() });
const inspected = z.object({
  Id: z.string(),
  State: z.object({ Running: z.boolean(), OOMKilled: z.boolean().default(false), ExitCode: z.int() }),
  Config: z.object({ Labels: z.record(z.string(), z.string()).nullish() }),
});
const listed = z.array(
  z.object({
    Id: z.string(),
    Names: z.array(z.string()).min(1),
    State: z.string(),
    Labels: z.record(z.string(), z.string()).nullish(),
  }),
);
// All optional: what a runtime can't count, it leaves out.
const counted = z.object({
  memory_stats: z
    .object({ usage: z.number().default(0), stats: z.record(z.string(), z.number()).default({}) })
    .prefault({}),
  cpu_stats: z.object({ cpu_usage: z.object({ total_usage: z.number().default(0) }).prefault({}) }).prefault({}),
  pids_stats: z.object({ current: z.number().default(0) }).prefault({}),
});
const refused = z.object({ message: z.string().max(100_000) });

/** The engine said no. Its words, for `explain`; callers outside the driver never see this class. */
export class Refused extends Error implements Refusal {
  override readonly name = "Refused";
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export class Engine {
  readonly #socketPath: string;
  /** Known after the first call; asked for again after a call failed, as another engine may answer by then. */
  #api: Promise<string> | null = null;
  #arch: string | null = null;

  constructor(socketPath: string) {
    this.#socketPath = socketPath;
  }

  async version(): Promise<z.infer<typeof version>> {
    return parsed(version, await this.#send({ method: "GET", path: "/version", deadline: USUAL_DEADLINE }));
  }

  async info(): Promise<EngineInfo> {
    return parsed(info, await this.#call("GET", "/info"));
  }

  /** Of an image for another machine the engine would make a container whose programs can't run: it is told to refuse. */
  async create(name: string, body: unknown): Promise<string> {
    this.#arch ??= (await this.version()).Arch ?? null;
    const platform = this.#arch === null ? {} : { platform: `linux/${this.#arch}` };
    const path = `/containers/create?${new URLSearchParams({ name, ...platform })}`;
    return parsed(created, await this.#call("POST", path, { body, deadline: START_DEADLINE })).Id;
  }

  async start(id: string): Promise<void> {
    await this.#call("POST", `/containers/${id}/start`, { deadline: START_DEADLINE });
  }

  /** Resolves to the exit code once the container does not run, at once where it has ended already. */
  async wait(id: string, signal: AbortSignal): Promise<number> {
    const path = `/containers/${id}/wait?condition=not-running`;
    return parsed(waited, await this.#call("POST", path, { deadline: null, signal })).StatusCode;
  }

  async inspect(idOrName: string): Promise<z.infer<typeof inspected>> {
    return parsed(inspected, await this.#call("GET", `/containers/${encodeURIComponent(idOrName)}/json`));
  }

  async kill(id: string, signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    await this.#call("POST", `/containers/${id}/kill?signal=${signal}`);
  }

  async remove(id: string): Promise<void> {
    await this.#call("DELETE", `/containers/${id}?force=true&v=true`, { deadline: START_DEADLINE });
  }

  async stderr(id: string): Promise<string> {
    const { body } = await this.#call("GET", `/containers/${id}/logs?stdout=false&stderr=true&tail=50`);
    return stderrTail(body, STDERR_BYTES);
  }

  /** All containers with these labels, running or not. */
  async list(labels: Record<string, string>): Promise<z.infer<typeof listed>> {
    const filters = JSON.stringify({ label: Object.entries(labels).map(([name, value]) => `${name}=${value}`) });
    return parsed(listed, await this.#call("GET", `/containers/json?${new URLSearchParams({ all: "true", filters })}`));
  }

  async stats(id: string): Promise<SandboxStats> {
    const answer = await this.#call("GET", `/containers/${id}/stats?stream=false&one-shot=true`);
    const { memory_stats: memory, cpu_stats: cpu, pids_stats: pids } = parsed(counted, answer);
    // Page cache that can be dropped is not what the container needs (cgroup v1 and v2 name it differently).
    const cache = memory.stats.total_inactive_file ?? memory.stats.inactive_file ?? 0;
    return {
      memoryBytes: Math.max(0, memory.usage - cache),
      cpuMillis: Math.round(cpu.cpu_usage.total_usage / 1e6),
      pids: pids.current,
    };
  }

  async #call(method: Call["method"], path: string, rest: Partial<Call> = {}): Promise<Answer> {
    const forget = (error: unknown) => {
      this.#api = null;
      throw error;
    };
    this.#api ??= this.version().then(spokenApi).catch(forget);
    const api = await this.#api;
    return this.#send({ method, path: `/v${api}${path}`, deadline: USUAL_DEADLINE, ...rest }).catch((error) =>
      error instanceof Refused ? Promise.reject(error) : forget(error),
    );
  }

  async #send(outgoing: Call): Promise<Answer> {
    const answer = await call(this.#socketPath, outgoing);
    if (answer.status < 400) return answer;
    const { success, data } = refused.safeParse(json(answer.body));
    throw new Refused(answer.status, success ? data.message : "");
  }
}

/** The oldest that we were written for, or the oldest that the engine still speaks. */
function spokenApi({ MinAPIVersion: least }: z.infer<typeof version>): string {
  return least && Number(least.split(".")[1]) > Number(OLDEST_API.split(".")[1]) ? least : OLDEST_API;
}

function parsed<T>(schema: z.ZodType<T>, answer: Answer): T {
  const result = schema.safeParse(json(answer.body));
  if (result.success) return result.data;
  throw new Retryable(`the container engine gave an answer that makes no sense: ${z.prettifyError(result.error)}`);
}

function json(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString("utf8"));
  } catch {
    return null;
  }
}
