/**
 * Runs the hostile runner in containers of a scratch session and judges what comes of each attack: from what it says
 * itself, and from what the host sees. What crashed, was cut off or said nothing was not held.
 */
import { z } from "zod";
import { sleep } from "../../src/lib/clock.ts";
import { Misuse, messageOf } from "../../src/lib/errors.ts";
import type { Exit, Sandbox } from "../../src/sandbox/sandbox.ts";
import type { AgentGroup } from "../../src/store/groups.ts";
import type { Attack, Step } from "./attack.ts";
import { attacks, preparations } from "./attacks/index.ts";
import type { Control } from "./controls.ts";
import { type ProverParts, setStage } from "./stage.ts";
import type { World } from "./world.ts";

/** Milliseconds that an attack may take, and that the host waits beyond that for its report. */
const DEADLINE = 15_000;
const MARGIN = 10_000;
const REPORT_BYTES = 64_000;
/** A probe whose container ends over and over is given up. */
const MOST_CONTAINERS = 12;

export interface Verdict {
  id: string;
  wall: Attack["wall"];
  control: Control;
  tried: string;
  happened: string;
  held: boolean | "not given";
}

interface Report {
  id: string;
  text: string;
  /** Lets the probe go on. */
  judged(): void;
}

type Judged = Pick<Verdict, "happened"> & { held: boolean };

const report = z.object({
  output: z.string().max(8_000),
  complaint: z.string().max(2_000),
  code: z.int().nullable(),
  signal: z.string().max(20).nullable(),
});
const outcome = z.object({ harm: z.boolean(), said: z.string().max(400) });

/**
 * Attacks the box of an agent. @param only the attacks to make, all where it is left out
 * @throws EngineError, Misuse where no container can be started
 */
export async function* prove(
  parts: ProverParts,
  group: AgentGroup,
  signal: AbortSignal,
  only: readonly Attack[] = attacks,
): AsyncGenerator<Verdict, void, void> {
  const run = new Run(parts);
  const stage = await setStage(parts, group, (name, bytes) => run.takeFile(name, bytes));
  run.enter(stage.world);
  try {
    const possible = only.filter((attack) => attack.possible?.(stage.world) ?? true);
    for (const scene of [undefined, "again", "bombs"] as const) {
      const mine = possible.filter((attack) => attack.scene === scene);
      const before = scene === undefined ? preparations : [];
      yield* run.perform([...before, ...mine], signal);
    }
  } finally {
    await stage.close();
  }
}

class Run {
  readonly #parts: ProverParts;
  #world: World | null = null;
  /** Reports that came and are not judged yet; the probe goes on when its report is. */
  readonly #reports: Report[] = [];
  #onReport = () => {};
  #containers = 0;

  constructor(parts: ProverParts) {
    this.#parts = parts;
  }

  /** Nothing can be attacked, and no file comes, before. */
  enter(world: World): void {
    this.#world = world;
  }

  get #there(): World {
    if (!this.#world) throw new Error("the stage is not set");
    return this.#world;
  }

  /** Makes attacks in one container after the other, until each has been judged. */
  async *perform(steps: (Attack | Step)[], signal: AbortSignal): AsyncGenerator<Verdict, void, void> {
    let left = steps;
    while (left.length > 0) {
      if (signal.aborted) return;
      this.#containers += 1;
      if (this.#containers > MOST_CONTAINERS) throw new Misuse("the probe's container ended again and again");
      const sandbox = await this.#start(left);
      try {
        for (const step of left) {
          const judged = await this.#await(step, sandbox);
          left = left.slice(1);
          if (!("silent" in step)) yield this.#verdict(step, judged);
          if (signal.aborted || judged.ended) break;
        }
      } finally {
        await sandbox.stop(0);
      }
    }
  }

  /** A file from the container: a report, a wish to be looked at, or one of an attack's own. */
  async takeFile(name: string, bytes: AsyncIterable<Uint8Array>): Promise<string> {
    if (name === "look") {
      await drainOf(bytes, REPORT_BYTES);
      await this.#there.mail.look();
    } else if (name.startsWith("report-")) {
      const text = await drainOf(bytes, REPORT_BYTES);
      await new Promise<void>((judged) => {
        this.#reports.push({ id: name.slice("report-".length), text, judged });
        this.#onReport();
      });
    } else return this.#parts.files.take(this.#there.scratch.folder, name, bytes);
    return "noted";
  }

  async #start(steps: (Attack | Step)[]): Promise<Sandbox> {
    const world = this.#there;
    const told = steps.map((step) => ({
      ...{ id: step.id, program: step.program, attack: step.name ?? step.id },
      settings: step.settings?.(world) ?? {},
      deadline: ("deadline" in step && step.deadline) || DEADLINE,
    }));
    world.scratch.writeSteps(told);
    world.mail.renew();
    world.watch.reset();
    const name = `${world.spec.name}-${this.#containers}`;
    return this.#parts.driver.start({ ...world.spec, name });
  }

  /** Waits for the report of a step, and judges it before the probe may go on. */
  async #await(step: Attack | Step, sandbox: Sandbox): Promise<Judged & { ended: boolean }> {
    const came = new Promise<null>((resolve) => {
      this.#onReport = () => resolve(null);
      if (this.#reports.length > 0) resolve(null);
    });
    const deadline = (("deadline" in step && step.deadline) || DEADLINE) + MARGIN;
    const exit = await Promise.race([
      came,
      sandbox.exited,
      sleep(this.#parts.clock, deadline).then(() => "late" as const),
    ]);
    const report = this.#reports.shift();
    if (!report)
      return { ...(exit === "late" || exit === null ? notShown("no report came in time") : ended(exit)), ended: true };
    try {
      if (report.id !== step.id)
        return { ...notShown(`it reported on ${report.id.slice(0, 100)} instead`), ended: true };
      return { ...(await this.#judge(step, report.text)), ended: false };
    } catch (error) {
      return { ...notShown(messageOf(error)), ended: false };
    } finally {
      this.#there.mail.renew();
      this.#there.watch.reset();
      report.judged();
    }
  }

  async #judge(step: Attack | Step, text: string): Promise<Judged> {
    const { output, complaint, code, signal } = report.parse(JSON.parse(text));
    const outside = "silent" in step ? null : await step.harm?.(this.#there);
    const last = output.trimEnd().split("\n").at(-1) ?? "";
    const parsed = code === 0 && signal === null ? outcome.safeParse(json(last)) : null;
    if (outside) return { held: false, happened: outside };
    if (!parsed?.success) return notShown(`${signal ?? `code ${code}`} ${complaint.trim().split("\n").at(-1) ?? ""}`);
    return { held: !parsed.data.harm, happened: parsed.data.said };
  }

  #verdict({ id, wall, control, tried }: Attack, { held, happened }: Judged): Verdict {
    const lack = this.#parts.driver.lacks(this.#there.spec.runtime)[control];
    if (lack === undefined) return { id, wall, control, tried, happened, held };
    return { id, wall, control, tried, happened: held ? happened : `${happened}; ${lack}`, held: held || "not given" };
  }
}

const notShown = (why: string): Judged => ({ held: false, happened: `nothing was shown: ${why.trim()}` });
const ended = ({ code, outOfMemory, stderr }: Exit) =>
  notShown(`the container ended (${outOfMemory ? "out of memory" : `code ${code}`}) ${stderr.trim().slice(-300)}`);

async function drainOf(bytes: AsyncIterable<Uint8Array>, most: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of bytes) {
    size += chunk.length;
    if (size > most) throw new Misuse(`a report of more than ${most} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
