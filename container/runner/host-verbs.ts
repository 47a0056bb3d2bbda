/**
 * Verbs of the host as tools of the agent. A call becomes one outbound row of the turn that runs and waits for the
 * inbound row that answers it; each call gets exactly one answer, at the latest with the end of its turn.
 */
import { z } from "zod";
import type { AgentTool } from "../../protocol/config.ts";
import { type InboundRow, outboundBody } from "../../protocol/rows.ts";
import type { HostTool } from "./providers/provider.ts";

const UNKNOWN = "whether it was done is not known, so look before you try again";

type Answer = Awaited<ReturnType<HostTool["call"]>>;

/** How long the host may take to answer, in milliseconds. */
const ANSWER_TIME = 60_000;
/** Largest arguments, in bytes of JSON. */
const MAX_ARGS_BYTES = 100_000;

export interface HostVerbsOptions {
  /** Writes the row of a call. @returns its number, or null where that turn does not run. */
  ask(turn: number, verb: string, args: Record<string, unknown>): number | null;
  /** Hands a file of the workspace to the host. @returns its id. Rejects with words for the agent. */
  upload(path: string, signal: AbortSignal): Promise<string>;
  /** In milliseconds; for tests. */
  answerTime?: number;
}

/** The answer to a call of which the host heard nothing. */
const no = (why: string): Answer => ({ ok: false, text: `${why} Nothing was done.` });

export class HostVerbs {
  readonly #options: HostVerbsOptions;
  #turn: number | null = null;
  /** Ends uploads of the turn that runs. */
  #ending = new AbortController();
  /** Calls without an answer, by the number of their row. */
  readonly #waiting = new Map<number, (answer: Answer) => void>();

  constructor(options: HostVerbsOptions) {
    this.#options = options;
  }

  tool(tool: AgentTool): HostTool {
    const { name, description, schema } = tool;
    return { name, description, schema, call: (args) => this.#call(tool, args) };
  }

  /** Tells which turn runs now, null for none. Calls of another one get their answer. */
  follow(turn: number | null): void {
    if (turn === this.#turn) return;
    this.#turn = turn;
    this.#ending.abort();
    this.#ending = new AbortController();
    for (const give of [...this.#waiting.values()]) give({ ok: false, text: `The turn has ended: ${UNKNOWN}.` });
  }

  /** Takes the answers out of new inbound rows; the others are not for this. */
  answers(rows: InboundRow[]): void {
    for (const { body } of rows)
      if (body.kind === "answer") this.#waiting.get(body.to)?.({ ok: body.ok, text: body.text });
  }

  async #call({ verb, schema }: AgentTool, asked: Record<string, unknown>): Promise<Answer> {
    const turn = this.#turn;
    const { signal } = this.#ending;
    if (turn === null) return no("This can only be done while you answer a message.");
    const bytes = Buffer.byteLength(JSON.stringify(asked));
    if (bytes > MAX_ARGS_BYTES) return no(`The arguments are ${bytes} bytes long, at most ${MAX_ARGS_BYTES} may be.`);
    try {
      const args = takesFiles(schema) ? await this.#withFiles(asked, signal) : asked;
      const row = outboundBody.safeParse({ kind: "verb", turn, verb, args });
      if (!row.success) return no(`The arguments can't be sent: ${row.error.issues[0]?.message}.`);
      const n = this.#options.ask(turn, verb, args);
      return n === null ? no("The turn has ended.") : await this.#answered(n);
    } catch (error) {
      return no(`${error instanceof Error ? error.message : String(error)}.`);
    }
  }

  /** Puts the ids of files in the place of their paths. */
  async #withFiles(args: Record<string, unknown>, signal: AbortSignal): Promise<Record<string, unknown>> {
    if (args.files === undefined) return args;
    const paths = z.array(z.string()).safeParse(args.files);
    if (!paths.success) throw new Error("`files` must be a list of paths in the workspace");
    const files: string[] = [];
    for (const path of paths.data) files.push(await this.#options.upload(path, signal));
    return { ...args, files };
  }

  #answered(n: number): Promise<Answer> {
    const { answerTime = ANSWER_TIME } = this.#options;
    return new Promise((resolve) => {
      const late = `NanoClaw has not answered within ${answerTime / 1000} seconds: ${UNKNOWN}.`;
      const timer = setTimeout(() => give({ ok: false, text: late }), answerTime);
      const give = (answer: Answer) => {
        clearTimeout(timer);
        this.#waiting.delete(n);
        resolve(answer);
      };
      this.#waiting.set(n, give);
    });
  }
}

function takesFiles({ properties }: AgentTool["schema"]): boolean {
  return typeof properties === "object" && properties !== null && "files" in properties;
}
