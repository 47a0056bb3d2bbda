/**
 * The life that is interrupted: two chats, a tool, a follow-up, a failing turn, a container that dies, a host that is
 * killed while its containers go on, a clean stop in the middle of a turn. Three host processes in all.
 */
import { PAPER } from "./paper.ts";
import { pause, type World } from "./world.ts";

/** Every word in it makes the null provider do something (container/runner/providers/null.ts). */
export async function firstRun(world: World): Promise<string> {
  await world.start();
  await makeAgent(world);
  await keepSecret(world);
  const { chat: other } = await world.call("claw.open", {});
  const one = await world.say("main", "tool sleep:60 alpha");
  await world.until("alpha is answered", () => world.answered(one));

  const two = await world.say("main", "sleep:300 bravo");
  const failing = await world.say(other, "fail:overload charlie");
  await world.until("bravo is at work", () => world.begun(two));
  const followUp = await world.say("main", "delta");
  await world.until("all is answered", () => [two, failing, followUp].every((said) => world.answered(said)));

  const cutOff = await world.say(other, "sleep:400 echo");
  await world.until("echo is at work", () => world.begun(cutOff));
  await world.containers.kill(world.sessionOf(other));
  await world.until("echo is answered", () => world.answered(cutOff));
  return other;
}

export async function scenario(world: World): Promise<void> {
  await laterRuns(world, await firstRun(world));
}

/**
 * The same life for a host that dies in its `run`th process (0 is the first): without what earlier ones do that leaves
 * nothing to the later ones, so that a death costs less time.
 */
export async function lifeUpTo(run: number, world: World): Promise<void> {
  if (run === 0) return scenario(world);
  await world.start();
  await makeAgent(world);
  await keepSecret(world);
  const { chat: other } = await world.call("claw.open", {});
  await laterRuns(world, other, run === 1 ? newWays : async () => {});
}

async function laterRuns(world: World, other: string, second = newWays): Promise<void> {
  // While no host is there, one container ends two turns, which are taken over together, and the other dies in its turn.
  const across = await world.say("main", "tool sleep:250 foxtrot");
  await world.until("foxtrot is at work", () => world.begun(across));
  const late = await world.say("main", "golf");
  const lost = await world.say(other, "sleep:400 india");
  await world.until("golf is fed to it, and india is at work", () => world.begun(late) && world.begun(lost));
  await world.kill("SIGKILL");
  await world.containers.kill(world.sessionOf(other));
  await pause(400);

  await world.start();
  const all = [across, late, lost];
  await world.until("foxtrot, golf and india are answered", () => all.every((said) => world.answered(said)));
  await second(world, other);
  const unfinished = await world.say(other, "sleep:500 hotel");
  await world.until("hotel is at work", () => world.begun(unfinished));
  await world.kill("SIGTERM");

  await world.start();
  await world.until("hotel is answered", () => world.answered(unfinished));
  await world.kill("SIGTERM");
}

/** A task in a conversation of its own, verbs of the agent, a long answer on a platform without keys, drafted and then in parts, and a stop. */
export async function newWays(world: World, other: string): Promise<void> {
  await pair(world);
  await makeTask(world);
  const long = world.write(LONG);
  const byVerb = await world.say("main", `verb:send_message {"text":"${BY_VERB}"}`);
  const planned = await world.say("main", `verb:schedule_task ${JSON.stringify(PLAN)}`);
  const stopped = await world.say(other, STOPPED);
  await world.until("kilo is at work", () => world.begun(stopped));
  await world.stop(other);
  await world.until("all is answered", () => [byVerb, planned, stopped].every((said) => world.answered(said)));
  await world.until("the note is answered", () => world.answeredOnPaper(long));
  await world.until("the task has run", () => world.query("SELECT 1 FROM task_runs WHERE state = 'done'").length > 0);
  await world.until("its conversation is cleared away", () => world.query("SELECT 1 FROM task_leftovers").length === 0);
}

/** A stop that is acknowledged while the container stands still; then host and container die. */
export async function frozenStop(world: World): Promise<void> {
  await world.start();
  await makeAgent(world);
  const stopped = await world.say("main", STOPPED);
  await world.until("it is at work", () => world.begun(stopped));
  await world.containers.pause(world.sessionOf("main"));
  await world.stop("main");
  await world.kill("SIGKILL");
  await world.containers.kill(world.sessionOf("main"));
}

/** A turn that ends while no host is there: the next one finds all that it said since at once. */
export async function endedAlone(world: World): Promise<void> {
  await world.start();
  await makeAgent(world);
  const said = await world.say("main", "sleep:3000 alpha");
  await world.until("it is at work", () => world.begun(said));
  await world.kill("SIGKILL");
  await world.endedInside(world.sessionOf("main"));
  await world.start();
  await world.until("it is answered", () => world.answered(said));
}

export const BY_VERB = "juliet, by a verb";
/** A task that never comes. */
export const PLAN = { name: "november", prompt: "later", at: "2099-01-01 00:00" };
/** Runs until it is stopped. */
export const STOPPED = "sleep:60000 kilo";
/** Numbered words, and long enough at work that a draft of the answer is shown where the platform lets it be changed. */
export const LONG = `sleep:2200 ${Array.from({ length: 60 }, (_, i) => `lima-${i}`).join(" ")}`;
const TASK = "mike";
/** Where nobody listens. */
const NO_MODEL = "http://127.0.0.1:9";
const DUE_IN = 2_000;

/** Safe to repeat: the chat on paper gets its agent by a code that somebody writes there. */
export async function pair(world: World): Promise<void> {
  const paired = () => world.query("SELECT 1 FROM messaging_groups WHERE channel = 'paper'").length > 0;
  if (paired()) return;
  const { code } = await world.call("channels.pair", { channel: PAPER });
  world.paper.write({ id: `code-${code}`, text: code });
  await world.until("the code is taken", paired);
}

/** Safe to repeat. */
export async function makeTask(world: World): Promise<void> {
  if (world.query("SELECT 1 FROM scheduled_tasks WHERE name = ?", TASK).length > 0) return;
  const at = new Date(Date.now() + DUE_IN).toISOString().replace("Z", "+00:00");
  await world.call("tasks.add", { group: "main", name: TASK, prompt: TASK, at, chat: "main", session: "own" });
}

/** The first one makes the vault's key. */
export async function keepSecret(world: World): Promise<void> {
  await world.call("credentials.set", { name: "other", secret: "not a real one" });
}

/** Safe to repeat, as the set-up does it. */
export async function makeAgent(world: World): Promise<void> {
  // The null provider asks no model. Without a server for one a host is up in half the time.
  if (world.query("SELECT 1 FROM settings WHERE key = 'model'").length === 0)
    await world.call("model.use", { model: "practice", address: NO_MODEL });
  await world.call("groups.init", { folder: "main", name: "Nano", timeZone: "UTC", provider: "null" });
}
