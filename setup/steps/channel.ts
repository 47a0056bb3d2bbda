/**
 * Where people write to their agent. The terminal is built in; a person who is there is offered once to add another
 * channel, by the same code as `ncl skills add`. One that can't be added does not end the set-up.
 */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { VerbResult } from "../../api/verbs.ts";
import { moment } from "../../cli/show.ts";
import { addSkill } from "../../cli/skills/add.ts";
import { skillsIn } from "../../cli/skills/catalog.ts";
import { Misuse, messageOf } from "../../src/lib/errors.ts";
import type { Context, Report, Step } from "../step.ts";

const TERMINAL = "terminal";
/** Typing a token wrong is easy; after this many the person should look for another. */
const TRIES = 3;

/** Remembers that the person was asked, so that the next run does not ask again. */
const askedOf = ({ paths }: Context) => join(paths.data, "channel-chosen");

export const channel: Step = {
  name: "channel",
  todo: async () => "looking at the channels",
  async run(context, report) {
    const channels = await context.control.call("channels.list", {});
    const terminal = channels.find(({ id }) => id === TERMINAL);
    if (terminal?.state !== "up")
      throw new Misuse(
        `the terminal channel is ${terminal ? `${terminal.state}: ${terminal.detail}` : "missing"}`,
        "Look at the host's log with `bin/ncl logs`.",
      );
    if (channels.length > 1 || !context.questions.asked || existsSync(askedOf(context))) return said(channels);
    const added = await offer(context, report);
    mkdirSync(context.paths.data, { recursive: true });
    writeFileSync(askedOf(context), "");
    return added;
  },
};

const firstSentence = (text: string) => text.split(/(?<=\.) /)[0];

function said(channels: VerbResult<"channels.list">): string {
  return channels.map(({ id, state, detail }) => (state === "up" ? id : `${id} (${state}: ${detail})`)).join(", ");
}

async function offer(context: Context, report: Report): Promise<string> {
  const { questions, paths } = context;
  const skills = skillsIn(paths.root).filter(({ kind }) => kind === "channel");
  if (skills.length === 0) return TERMINAL;
  const chosen = await questions.choose(
    "Where do you want to write to your agent?",
    [
      { value: TERMINAL, label: "Here in the terminal; others can be added later" },
      ...skills.map(({ name, description }) => ({
        value: name,
        label: `Here, and ${name}: ${firstSentence(description)}`,
      })),
    ],
    TERMINAL,
  );
  if (chosen === TERMINAL) return TERMINAL;
  for (let left = TRIES - 1; ; left--) {
    try {
      return await add(context, report, chosen);
    } catch (error) {
      if (!(error instanceof Misuse)) throw error;
      const again = left > 0 && (await questions.confirm(`${messageOf(error)}. Try again?`, true));
      if (!again)
        return `${TERMINAL}; ${chosen} does not work yet: ${messageOf(error)}. Later: bin/ncl skills add ${chosen}`;
    }
  }
}

async function add({ control, paths, env, questions, shell }: Context, report: Report, name: string): Promise<string> {
  const added = await addSkill(
    {
      root: paths.root,
      client: control,
      env,
      file: {},
      ask: ({ label, help, secret }, problem) => {
        const question = [label, help && `(${help})`, problem].filter(Boolean).join(" ");
        return secret ? questions.secret(question) : questions.text(question, "");
      },
      activity: report.activity,
      passing(line) {
        shell.log(line);
        report.passing(line);
      },
    },
    name,
  );
  const pairing = added.kind === "channel" ? added.pairing : null;
  const next =
    pairing && `; send it ${pairing.code} in a direct chat until ${moment(pairing.expiresAt)} to make it yours`;
  return `${TERMINAL}, ${name}${next ?? ""}`;
}
