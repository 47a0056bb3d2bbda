/** A container engine that answers this user: found, or installed and started after asking. */
import { userInfo } from "node:os";
import { Misuse } from "../../src/lib/errors.ts";
import { addGvisor, startDaemon } from "../engine/daemon.ts";
import { gatherFacts } from "../engine/facts.ts";
import { type EngineAction, planEngine } from "../engine/plan.ts";
import { installPackages, rootPrefix } from "../packages.ts";
import type { Context, Report, Step } from "../step.ts";

/** Install, permit, start, add gVisor, and one more look: a plan that asks for more is going round in circles. */
const MOST_ACTIONS = 6;
const SOCKET = "/var/run/docker.sock";

export interface EngineOptions {
  /** Wants gVisor's runtime too. */
  gvisor: boolean;
  /** Told the process id of a daemon that had to be started without a service manager. */
  started?: (pid: number) => void;
}

export function engine(options: EngineOptions): Step {
  const plan = async (context: Context) => planEngine(await gatherFacts(context, options.gvisor));
  return {
    name: "engine",
    async todo(context) {
      return (await plan(context)).do === "nothing" ? null : "looking for a container engine";
    },
    async run(context, report) {
      for (let round = 0; round < MOST_ACTIONS; round++) {
        const action = await plan(context);
        if (action.do === "nothing") return `Docker ${action.version}`;
        await act(action, context, options, report);
      }
      throw new Misuse(
        "the container engine still can't be used",
        `Start Docker by hand until \`docker info\` works, then run this again.`,
      );
    },
  };
}

async function act(action: EngineAction, context: Context, options: EngineOptions, report: Report): Promise<void> {
  const { shell, questions } = context;
  switch (action.do) {
    case "nothing":
      return;
    case "tell":
      throw new Misuse(action.what, action.next);
    case "install": {
      const what = action.packages.join(" and ");
      await agree(
        context,
        `Install ${what} with apt-get?`,
        `Install ${what} yourself (apt-get install ${action.packages.join(" ")}), then run this again.`,
      );
      report.activity(`installing ${what}`);
      return installPackages(context, await withClient(context, action.packages), report);
    }
    case "start": {
      report.activity("starting Docker");
      if (action.with === "dockerd") {
        const pid = await startDaemon(context);
        options.started?.(pid);
        return;
      }
      const prefix = await rootPrefix(context, "starting Docker");
      await shell.must(
        [...prefix, "systemctl", "start", "docker"],
        "Look at `systemctl status docker`, then run this again.",
      );
      return;
    }
    case "permit":
      return permit(context, report);
    case "add gVisor":
      if (questions.asked)
        await agree(
          context,
          "Add gVisor to this machine's Docker? (Its containers keep running.)",
          'Add the runtime "runsc" to Docker yourself.',
        );
      report.activity("adding gVisor to Docker");
      return addGvisor(context);
  }
}

async function agree({ questions }: Context, question: string, otherwise: string): Promise<void> {
  if (!(await questions.confirm(question, true))) throw new Misuse("stopped: you said no", otherwise);
}

/** Newer Debian and Ubuntu have the client in a package of its own, which docker.io only recommends. */
async function withClient({ shell }: Context, packages: string[]): Promise<string[]> {
  if (!packages.includes("docker.io")) return packages;
  const known = await shell.run(["apt-cache", "show", "--no-all-versions", "docker-cli"]);
  return known.code === 0 ? [...packages, "docker-cli"] : packages;
}

/**
 * Membership in the group holds from the next login on; an access list on the socket holds at once, for everything
 * that this user runs, the user's service manager included.
 */
async function permit(context: Context, report: Report): Promise<void> {
  const { shell } = context;
  const { username } = userInfo();
  const byHand = `As root: usermod -aG docker ${username}. Then log out, log in, and run this again.`;
  await agree(context, `Let ${username} use Docker? Mind: who may use Docker can become root on this machine.`, byHand);
  report.activity(`letting ${username} use Docker`);
  const prefix = await rootPrefix(context, `letting ${username} use Docker`);
  await shell.must([...prefix, "usermod", "-aG", "docker", username], byHand);
  if ((await shell.run(["sh", "-c", "command -v setfacl"])).code !== 0) await installPackages(context, ["acl"], report);
  await shell.must(
    [...prefix, "setfacl", "-m", `u:${username}:rw`, SOCKET],
    `You are in the group docker now. Log out, log in, and run this again.`,
  );
}
