/**
 * The hostile runner of `ncl prove`: stands in the runner's place in a session's container, does one attack after the
 * other, and tells the host over the session socket how each ended. The host judges, and answers when the next may begin.
 */
import { spawn } from "node:child_process";
import { readFileSync, truncateSync } from "node:fs";
import { request } from "node:http";
import { inside } from "../../protocol/layout.ts";
import { FILES_PREFIX } from "../../protocol/session-socket.ts";

/** What the host asks for, in `config.json`. */
interface Step {
  id: string;
  /** A program beside this one. */
  program: string;
  /** The attack's name in it. */
  attack: string;
  settings: Record<string, unknown>;
  /** Milliseconds until it is killed. */
  deadline: number;
}

const here = import.meta.dirname;
const { steps } = JSON.parse(readFileSync(inside.config, "utf8")) as { steps: Step[] };

for (const step of steps) {
  calm();
  await tell(`report-${step.id}`, await perform(step));
}

/** Both mailbox files as the host made them: empty. */
function calm(): void {
  for (const path of [inside.outboundJournal, inside.outboundDb]) {
    try {
      truncateSync(path);
    } catch {
      // An attack took them away; the host sees that too.
    }
  }
}

/** Runs an attack in a process group of its own. @returns what it said, as text, and how it ended */
function perform({ program, attack, settings, deadline }: Step): Promise<object> {
  const [command, ...rest] = program.endsWith(".py") ? ["python3", "-B", "-s"] : ["bun", "run"];
  const child = spawn(command ?? "", [...rest, `${here}/${program}`, attack, JSON.stringify(settings)], {
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  let output = "";
  let complaint = "";
  child.stdout.on("data", (text) => {
    output = (output + text).slice(-8_000);
  });
  child.stderr.on("data", (text) => {
    complaint = (complaint + text).slice(-2_000);
  });
  return new Promise((resolve) => {
    const kill = () => {
      try {
        if (child.pid) process.kill(-child.pid, "SIGKILL");
      } catch {
        // Nothing of it is left.
      }
    };
    const late = setTimeout(kill, deadline);
    child.once("error", (error) => resolve({ output: "", complaint: error.message, code: null, signal: null }));
    child.once("exit", (code, signal) => {
      clearTimeout(late);
      // What it left in the background would go on during the next attack.
      kill();
      setTimeout(() => resolve({ output, complaint, code, signal }), 5);
    });
  });
}

/** Sends a report; resolves when the host has judged it. */
function tell(name: string, report: object): Promise<void> {
  const body = JSON.stringify(report);
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        socketPath: inside.socket,
        path: `${FILES_PREFIX}${name}`,
        method: "PUT",
        headers: { host: "gateway", "content-length": Buffer.byteLength(body) },
        agent: false,
      },
      (answer) => answer.resume().once("end", resolve),
    );
    sent.once("error", reject);
    sent.end(body);
  });
}
