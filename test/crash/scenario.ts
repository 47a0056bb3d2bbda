/**
 * The life that is interrupted: two chats, a tool, a follow-up, a failing turn, a container that dies, a host that is
 * killed while its containers go on, a clean stop in the middle of a turn. Three host processes in all.
 */
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
  const other = await firstRun(world);

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
  const unfinished = await world.say(other, "sleep:500 hotel");
  await world.until("hotel is at work", () => world.begun(unfinished));
  await world.kill("SIGTERM");

  await world.start();
  await world.until("hotel is answered", () => world.answered(unfinished));
  await world.kill("SIGTERM");
}

/** The first one makes the vault's key. */
export async function keepSecret(world: World): Promise<void> {
  await world.call("credentials.set", { name: "other", secret: "not a real one" });
}

/** Safe to repeat, as the set-up does it. */
export async function makeAgent(world: World): Promise<void> {
  await world.call("groups.init", { folder: "main", name: "Nano", timeZone: "UTC", provider: "null" });
}
