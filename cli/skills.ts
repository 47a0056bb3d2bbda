/** `ncl skills`: lists, shows, adds and removes skills. What they do is in skills/, loaded when it is asked for. */
import type { Command } from "commander";
import type { Paths } from "../src/lib/paths.ts";
import { type ControlClient, HostDown } from "./client.ts";
import { exit, Leave } from "./outcome.ts";
import type { Field } from "./skills/credentials.ts";

interface Options {
  json?: boolean;
  yes?: boolean;
  credentialsFile?: string;
}

const print = (text: string) => void process.stdout.write(text);
const tell = (line: string) => void process.stderr.write(`${line}\n`);
/** A person is there, and did not say that none should be asked. */
const asks = ({ yes }: Options) => process.stdin.isTTY && process.stderr.isTTY && !yes;

export function addSkillCommands(root: Command, paths: Paths, client: () => ControlClient): void {
  const skills = root.command("skills").description("list, show, add, remove");
  const command = (name: string, summary: string, run: (name: string, options: Options) => Promise<void>) =>
    skills
      .command(name)
      .description(summary)
      .option("--json", "print the result as JSON")
      .action(name === "list" ? (options: Options) => run("", options) : run);

  command("list", "List the skills that there are", (_, options) => list(paths, client(), options));
  command("show <name>", "Show what a skill is and what it says", (name, options) => showSkill(paths, name, options));
  command("add <name>", "Install a skill and start it; repeating it is safe", (name, options) =>
    add(paths, client(), name, options),
  )
    .option("--credentials-file <path>", "what it needs, as a JSON object in a file, - for standard input")
    .option("-y, --yes", "ask nothing");
  command("remove <name>", "Stop a skill, forget its credentials and take its packages away", (name, options) =>
    remove(paths, client(), name, options),
  ).option("-y, --yes", "ask nothing");
}

async function list(paths: Paths, client: ControlClient, { json }: Options): Promise<void> {
  const [{ skillsIn }, { arePackagesThere }, { show }] = await Promise.all([
    import("./skills/catalog.ts"),
    import("./skills/packages.ts"),
    import("./show.ts"),
  ]);
  const channels = await client.call("channels.list", {}).catch((error: unknown) => {
    // What there is can be seen without a host.
    if (error instanceof HostDown) return [];
    throw error;
  });
  const rows = skillsIn(paths.root).map(({ name, kind, packages, folder, description }) => ({
    ...{ name, kind },
    installed: !packages || arePackagesThere(paths.root, folder),
    state: channels.find(({ id }) => kind === "channel" && id === name)?.state ?? "",
    description,
  }));
  print(json ? `${JSON.stringify(rows)}\n` : show(rows));
}

async function showSkill(paths: Paths, name: string, { json }: Options): Promise<void> {
  const [{ skillNamed }, { show }, { plain }] = await Promise.all([
    import("./skills/catalog.ts"),
    import("./show.ts"),
    import("./text.ts"),
  ]);
  const { text, ...skill } = skillNamed(paths.root, name);
  print(json ? `${JSON.stringify({ ...skill, text })}\n` : `${show(skill)}\n${plain(text)}\n`);
}

async function add(paths: Paths, client: ControlClient, name: string, options: Options): Promise<void> {
  const [{ addSkill, nextStep }, { credentialsIn }, { readSecret }] = await Promise.all([
    import("./skills/add.ts"),
    import("./skills/credentials.ts"),
    import("./secret.ts"),
  ]);
  const file = options.credentialsFile;
  const added = await addSkill(
    {
      root: paths.root,
      client,
      env: process.env,
      file: file === undefined ? {} : credentialsIn(await readSecret("the credentials", file)),
      ask: asks(options) ? ask : null,
      activity: tell,
      passing() {},
    },
    name,
  );
  const { plain } = await import("./text.ts");
  print(options.json ? `${JSON.stringify(added)}\n` : plain(nextStep(added)));
}

async function ask({ label, help, secret }: Field, problem: string): Promise<string> {
  const { isCancel, log, password, text } = await import("@clack/prompts");
  const hint = [help, problem].filter(Boolean).join(" ");
  if (hint) log.info(hint, { output: process.stderr });
  const question = { message: secret ? `${label} (not shown)` : label, output: process.stderr };
  const answer = await (secret ? password({ ...question, mask: "•" }) : text(question));
  if (isCancel(answer)) throw new Leave(exit.interrupted);
  return answer ?? "";
}

async function remove(paths: Paths, client: ControlClient, name: string, options: Options): Promise<void> {
  const { removeSkill } = await import("./skills/add.ts");
  if (asks(options)) {
    const { confirm } = await import("@clack/prompts");
    const message = `Stop ${name} and forget its credentials? Its chats stay known.`;
    if ((await confirm({ message, output: process.stderr })) !== true) throw new Leave(exit.interrupted);
  }
  const skill = await removeSkill({ root: paths.root, client }, name);
  print(options.json ? `${JSON.stringify({ skill: skill.name, removed: true })}\n` : `${skill.name} is removed.\n`);
}
