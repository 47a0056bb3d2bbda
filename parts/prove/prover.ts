/**
 * Runs the hostile runner in containers of a scratch session and judges what comes of each attack: from what it says
 * itself, and from what the host sees. What crashed, was cut off or said nothing was not held.
 */
import { chownSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { Door, OpenDoor, Upstream } from "../../src/gateway/door.ts";
import { sleep } from "../../src/lib/clock.ts";
import { Misuse, messageOf } from "../../src/lib/errors.ts";
import type { Random, SessionId } from "../../src/lib/ids.ts";
import type { Paths } from "../../src/lib/paths.ts";
import type { Exit, Mount, Sandbox, SandboxDriver, SandboxSpec } from "../../src/sandbox/sandbox.ts";
import { containerSpec } from "../../src/sessions/container.ts";
import type { SessionFiles } from "../../src/sessions/files.ts";
import { sessionFolder } from "../../src/sessions/folder.ts";
import type { AgentGroup } from "../../src/store/groups.ts";
import type { Session } from "../../src/store/sessions.ts";
import type { Attack, Step } from "./attack.ts";
import { attacks, preparations } from "./attacks/index.ts";
import { type Control, controls } from "./controls.ts";
import { Mail, type MailParts } from "./mail.ts";
import { leftovers, PREFIX, removeSession, Scratch } from "./scratch.ts";
import { sweep } from "./sweep.ts";
import { Watch } from "./watch.ts";
import type { World } from "./world.ts";

/** Milliseconds that an attack may take, and that the host waits beyond that for its report. */
const DEADLINE = 15_000;
const MARGIN = 10_000;
const REPORT_BYTES = 64_000;
/** A probe whose container ends over and over is given up. */
const MOST_CONTAINERS = 12;

export interface ProverParts extends MailParts {
  paths: Paths;
  random: Random;
  driver: SandboxDriver;
  readersGroup: number | null;
  files: Pick<SessionFiles, "take">;
  /** A gateway of its own, whose upstream and credential are the prover's. */
  doorTo(upstream: Upstream, secret: string): Door;
  labels: Record<string, string>;
  /** The folders of a person that the agent gets. */
  mountsOf(group: AgentGroup): Mount[];
  /** What the container gets; changed only by tests that take a control away. */
  adjust?: (spec: SandboxSpec, world: World) => SandboxSpec;
}

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
  const run = await Run.prepare(parts, group);
  try {
    const possible = only.filter((attack) => attack.possible?.(run.world) ?? true);
    for (const scene of [undefined, "again", "bombs"] as const) {
      const mine = possible.filter((attack) => attack.scene === scene);
      const before = scene === undefined ? preparations : [];
      yield* run.perform([...before, ...mine], signal);
    }
  } finally {
    await run.end();
  }
}

class Run {
  readonly world: World;
  readonly #parts: ProverParts;
  readonly #lacks: Map<string, string>;
  #door: OpenDoor | null = null;
  #neighbour: OpenDoor | null = null;
  /** Reports that came and are not judged yet; the probe goes on when its report is. */
  readonly #reports: Report[] = [];
  #onReport = () => {};
  #containers = 0;

  private constructor(parts: ProverParts, world: World, lacks: Map<string, string>) {
    this.#parts = parts;
    this.world = world;
    this.#lacks = lacks;
  }

  static async prepare(parts: ProverParts, group: AgentGroup): Promise<Run> {
    const { paths, clock, random, driver } = parts;
    const session: Session = {
      id: `${PREFIX}${random.token(8)}` as SessionId,
      agentGroup: group.id,
      ...{ conversation: "prove/own", channel: "prove", chat: "own", thread: null, runtime: null },
      ...{ outboundCursor: 0, lastActiveAt: clock.now() },
    };
    const isRoot = process.getuid?.() === 0;
    const old = leftovers(paths.sessions, group);
    const folder = sessionFolder(paths.sessions, session);
    const watch = new Watch(folder.root, isRoot ? group.uid : null);
    const scratch = new Scratch(paths, group, session, parts.readersGroup, watch.secret);
    const socketDir = join(paths.run, "s", session.id);
    const mail = new Mail(parts, group, session, folder);
    await watch.start();
    const door = parts.doorTo({ address: `unix:${watch.upstreamSocket}`, needsCredential: true }, watch.secret);
    const hooks = { onRing: () => {}, onBell: () => {} };
    const open = (id: string, dir: string, onFile: Run["takeFile"]) =>
      door.open({ id, agentGroup: group.id, uid: group.uid }, dir, {
        ...hooks,
        onRing: () => {
          watch.rings += 1;
        },
        onFile,
      });
    let run: Run | null = null;
    const opened = await open(session.id, socketDir, async (name, bytes) => run?.takeFile(name, bytes) ?? "");
    // As on a host that is not root: the mount alone keeps the container from replacing its socket.
    if (isRoot) chownSync(socketDir, group.uid, group.uid);
    const plan = { session, group, folder, groupFolder: scratch.groupFolder, socketDir, timeZone: "UTC" };
    // Read-only, whatever the grant says: the probe would leave its traces in a person's folder.
    const mounts = parts.mountsOf(group).map((mount) => ({ ...mount, readOnly: true }));
    const spec = containerSpec({ ...plan, recovery: false }, { ...paths, root: scratch.code }, parts.labels, mounts);
    const world: World = { spec, uid: group.uid, isRoot, scratch, watch, mail };
    world.spec = parts.adjust?.(spec, world) ?? spec;
    run = new Run(parts, world, new Map(Object.entries(driver.lacks(spec.runtime))));
    run.#door = opened;
    run.#neighbour = await open(`${session.id}-x`, `${socketDir}-x`, async () => "");
    watch.askBeside(join(`${socketDir}-x`, "session.sock"));
    for (const root of old) {
      await sweep(driver, spec, root);
      removeSession(root);
    }
    return run;
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

  async end(): Promise<void> {
    const { driver } = this.#parts;
    const { scratch, watch, mail, spec } = this.world;
    await watch.stop();
    await this.#door?.close();
    await this.#neighbour?.close();
    mail.close();
    await sweep(driver, { ...spec, socket: spec.socket }, scratch.folder.root);
    scratch.remove();
  }

  /** A file from the container: a report, a wish to be looked at, or one of an attack's own. */
  async takeFile(name: string, bytes: AsyncIterable<Uint8Array>): Promise<string> {
    if (name === "look") {
      await drainOf(bytes, REPORT_BYTES);
      await this.world.mail.look();
    } else if (name.startsWith("report-")) {
      const text = await drainOf(bytes, REPORT_BYTES);
      await new Promise<void>((judged) => {
        this.#reports.push({ id: name.slice("report-".length), text, judged });
        this.#onReport();
      });
    } else return this.#parts.files.take(this.world.scratch.folder, name, bytes);
    return "noted";
  }

  async #start(steps: (Attack | Step)[]): Promise<Sandbox> {
    const { world } = this;
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
      this.world.mail.renew();
      this.world.watch.reset();
      report.judged();
    }
  }

  async #judge(step: Attack | Step, text: string): Promise<Judged> {
    const { output, complaint, code, signal } = report.parse(JSON.parse(text));
    const outside = "silent" in step ? null : await step.harm?.(this.world);
    const last = output.trimEnd().split("\n").at(-1) ?? "";
    const parsed = code === 0 && signal === null ? outcome.safeParse(json(last)) : null;
    if (outside) return { held: false, happened: outside };
    if (!parsed?.success) return notShown(`${signal ?? `code ${code}`} ${complaint.trim().split("\n").at(-1) ?? ""}`);
    return { held: !parsed.data.harm, happened: parsed.data.said };
  }

  #verdict({ id, wall, control, tried }: Attack, { held, happened }: Judged): Verdict {
    const lack = this.#lacks.get(control);
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

/** What stopped an attack, in words. */
export const controlWords = (control: Control): string => controls[control];
