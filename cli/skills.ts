/**
 * `ncl skills`: lists, shows, adds, looks after and removes skills, and begins new ones. What they do is in skills/, loaded
 * when it is asked for.
 */
import { Argument, type Command } from "commander";
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
  const skills = root.command("skills").description("list, show, info, add, verify, remove, new");
  const command = (name: string, summary: string, run: (name: string, options: Options) => Promise<void>) =>
    skills
      .command(name)
      .description(summary)
      .option("--json", "print the result as JSON")
      .action(name === "list" ? (options: Options) => run("", options) : run);

  command("list", "List the skills that there are", (_, options) => list(paths, client(), options));
  command("show <name>", "Show what a skill is and what it says", (name, options) => showSkill(paths, name, options));
  command("info <name>", "Show what a skill needs, what is installed of it, and how it is", (name, options) =>
    info(paths, client(), name, options),
  );
  command("add <name>", "Install a skill and start it; repeating it is safe", (name, options) =>
    add(paths, client(), name, options),
  )
    .option("--credentials-file <path>", "what it needs, as a JSON object in a file, - for standard input")
    .option("-y, --yes", "ask nothing");
  command("verify <name>", "Look whether a skill works; exit code 1 where it does not", (name, options) =>
    verify(paths, client(), name, options),
  );
  command("remove <name>", "Stop a skill, forget its credentials and take its packages away", (name, options) =>
    remove(paths, client(), name, options),
  ).option("-y, --yes", "ask nothing");
  skills
    .command("new")
    .description("Begin a skill of your own, which works as it is")
    .addArgument(new Argument("<kind>", "what it is to be").choices(["channel"]))
    .argument("<id>", "its name, such as my-chat")
    .option("--json", "print the result as JSON")
    .action((_kind: string, id: string, options: Options) => begin(paths, id, options));
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

async function info(paths: Paths, client: ControlClient, name: string, { json }: Options): Promise<void> {
  const [{ skillInfo }, { show }] = await Promise.all([import("./skills/info.ts"), import("./show.ts")]);
  const found = await skillInfo(paths.root, client, name);
  print(json ? `${JSON.stringify(found)}\n` : show(found, { properties: { size: { unit: "bytes" } } }));
}

async function verify(paths: Paths, client: ControlClient, name: string, { json }: Options): Promise<void> {
  const [{ verifySkill, verdictText }, { plain }] = await Promise.all([
    import("./skills/verify.ts"),
    import("./text.ts"),
  ]);
  const verdict = await verifySkill(paths.root, client, name);
  print(json ? `${JSON.stringify(verdict)}\n` : plain(verdictText(verdict)));
  if (!verdict.works) throw new Leave(exit.failed);
}

async function begin(paths: Paths, id: string, { json }: Options): Promise<void> {
  const { newChannel } = await import("./skills/new.ts");
  const made = newChannel(paths.root, id);
  const steps = made.next.map((step, index) => `  ${index + 1}. ${step}\n`);
  print(json ? `${JSON.stringify(made)}\n` : `${made.folder} is there, and works as it is. Now:\n${steps.join("")}`);
}
