/** What is wrong and what to do about it, from what was found. Pure. */
import type { Status } from "../../api/results.ts";
import type { VerbResult } from "../../api/verbs.ts";
import type { Paths } from "../../src/lib/paths.ts";
import { duration } from "../show.ts";

/** `attention` works, but a person should know. */
export type State = "well" | "attention" | "wrong";

export interface Finding {
  what: string;
  state: State;
  detail: string;
  /** What to do; empty where there is nothing. */
  next: string;
  /** A command that mends it, where one does, and that is safe at any time. */
  mend: string[] | null;
}

export interface Facts {
  paths: Pick<Paths, "root" | "data" | "config" | "installation" | "image">;
  /** Now, milliseconds since the epoch. */
  at: number;
  node: { version: string; least: number };
  /** Of those folders that are there. */
  folders: { path: string; mode: number; isOwn: boolean; isWritable: boolean }[];
  disk: { free: number; size: number } | null;
  /** Null where there is no database yet; `problem` is empty where it is sound. */
  database: { problem: string } | null;
  engine: { version: string; problem: string };
  /** Whether the agent's image is there; null where no engine could be asked. */
  image: boolean | null;
  service: boolean;
  version: string;
  /** Null where the host does not run. */
  host: HostFacts | null;
  /** Why a host that runs could not be asked; empty where it could, or none runs. */
  trouble: string;
}

export interface HostFacts {
  status: Status;
  groups: VerbResult<"groups.list">;
  credentials: VerbResult<"credentials.list">;
  questions: VerbResult<"approvals.list">;
  tasks: VerbResult<"tasks.list">;
  budgets: VerbResult<"budgets.list">;
  audit: VerbResult<"audit.verify">;
}

const GB = 2 ** 30;
/** Below the first work stops soon; below the second a person should make room. */
const TOO_LITTLE = GB;
const LITTLE = 5 * GB;

export function judge(facts: Facts): Finding[] {
  const { host } = facts;
  return [
    judgeNode(facts),
    ...facts.folders.map(judgeFolder),
    ...judgeDisk(facts),
    ...judgeDatabase(facts),
    judgeEngine(facts),
    ...judgeImage(facts),
    judgeHost(facts),
    ...(host ? judgeRunning(host) : []),
  ];
}

const well = (what: string, detail: string): Finding => ({ what, state: "well", detail, next: "", mend: null });
const attention = (what: string, detail: string, next: string, mend: string[] | null = null): Finding => ({
  ...{ what, state: "attention", detail, next, mend },
});
const wrong = (what: string, detail: string, next: string, mend: string[] | null = null): Finding => ({
  ...{ what, state: "wrong", detail, next, mend },
});

function judgeNode({ node }: Facts): Finding {
  const major = Number(/^v?(\d+)/.exec(node.version)?.[1] ?? 0);
  if (major >= node.least) return well("node", node.version);
  return wrong("node", `${node.version} runs this; ${node.least} is needed`, "Run: bash nanoclaw.sh");
}

function judgeFolder({ path, mode, isOwn, isWritable }: Facts["folders"][number]): Finding {
  if (!isOwn) return wrong("folder", `${path} belongs to another account`, `Run: sudo chown -R "$USER" ${path}`);
  if (!isWritable) return wrong("folder", `${path} can't be written`, `Run: chmod u+rwx ${path}`);
  const open = mode & 0o077;
  if (open === 0) return well("folder", `${path} is private`);
  const mend = ["chmod", "go-rwx", path];
  return wrong("folder", `${path} can be looked into by other accounts`, `Run: ${mend.join(" ")}`, mend);
}

function judgeDisk({ disk, paths }: Facts): Finding[] {
  if (!disk) return [];
  const said = `${(disk.free / GB).toFixed(1)} GB free of ${(disk.size / GB).toFixed(0)} GB`;
  const next = `Make room on the disk of ${paths.data}; docker system df shows what the engine holds.`;
  if (disk.free < TOO_LITTLE) return [wrong("disk", said, next)];
  return [disk.free < LITTLE ? attention("disk", said, next) : well("disk", said)];
}

function judgeDatabase({ database, paths }: Facts): Finding[] {
  if (!database) return [];
  if (database.problem === "") return [well("database", "is sound")];
  return [
    wrong(
      "database",
      database.problem,
      `Stop the host (ncl down), and put a copy back in the place of ${paths.data}/v2.db.`,
    ),
  ];
}

function judgeEngine({ engine }: Facts): Finding {
  if (engine.problem === "") return well("engine", engine.version);
  return wrong("engine", engine.problem, "Start Docker, or run: bash nanoclaw.sh");
}

function judgeImage({ image, paths }: Facts): Finding[] {
  if (image === null) return [];
  if (image) return [well("image", paths.image)];
  const mend = ["bash", "container/build.sh", paths.installation];
  return [wrong("image", `${paths.image} is not there: no agent can start`, `Run: ${mend.join(" ")}`, mend)];
}

function judgeHost({ host, trouble, version, service, at }: Facts): Finding {
  if (trouble !== "") return wrong("host", `does not answer: ${trouble}`, "See: ncl logs");
  const mend = ["bin/ncl", "up"];
  if (!host) return wrong("host", "is not running: nobody is answered", `Run: ${mend.join(" ")}`, mend);
  const { status } = host;
  if (status.version !== version) {
    const next = "Run: bin/ncl down && bin/ncl up";
    return attention("host", `runs version ${status.version}, and ${version} is here`, next);
  }
  const up = `is up for ${duration(at - status.startedAt)}`;
  return service
    ? well("host", up)
    : attention(
        "host",
        `${up}, and does not start with this machine`,
        "Run: bash nanoclaw.sh, which makes it a service",
      );
}

function judgeRunning({ status, groups, credentials, questions, tasks, budgets, audit }: HostFacts): Finding[] {
  const all: Finding[] = [];
  if (groups.length === 0) all.push(attention("agents", "there is none yet", "Run: bash nanoclaw.sh"));
  if (status.engine.state !== "up")
    all.push(wrong("engine", `the host can't use it: ${status.engine.detail}`, "See: ncl logs"));
  all.push(
    status.model.model === "practice"
      ? attention(
          "model",
          "the practice model answers, with words from a script",
          "Run: ncl credentials set anthropic; ncl model use anthropic",
        )
      : well("model", `${status.model.model} at ${status.model.address}`),
  );
  for (const { name, state } of credentials)
    if (state !== "ok") all.push(wrong("credential", `${name}: ${state}`, `Run: ncl credentials set ${name}`));
  for (const { id, state, detail } of status.channels)
    if (state !== "up") all.push(wrong("channel", `${id} is ${state}: ${detail}`, "See: ncl channels list"));
  const { dead } = status.queues;
  if (dead > 0)
    all.push(
      attention(
        "outbox",
        `messages that could not be delivered: ${dead}`,
        "See: ncl outbox list --state dead; then: ncl outbox retry",
      ),
    );
  if (questions.length > 0)
    all.push(
      attention("questions", `that wait for you: ${questions.length}`, "See: ncl approvals list --state pending"),
    );
  for (const { name, task, state, failures } of tasks)
    if (state === "paused" && failures > 0)
      all.push(attention("task", `${name} failed ${failures} times and rests`, `See: ncl tasks show ${task}`));
  for (const { budget, share } of budgets)
    if (share >= 100) all.push(attention("budget", `${budget} is used up`, "See: ncl budgets list"));
  all.push(
    audit.ok
      ? well("audit", `${audit.records} records in one chain`)
      : wrong("audit", audit.problem ?? "is not whole", "See: ncl audit verify, and docs/audit.md"),
  );
  return all;
}
