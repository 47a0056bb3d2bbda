/** One life, one death: plays the scenario until the host dies, starts it again, waits, and holds it to its promises. */
import { Misuse } from "../../src/lib/errors.ts";
import { brokenByContainers, brokenPromises, forgottenContainers, overlaps, promises } from "./promises.ts";
import { keepSecret, makeAgent, PLAN, STOPPED, scenario } from "./scenario.ts";
import { Broken, HostDied, type Said, World, type WorldOptions } from "./world.ts";

export interface Outcome {
  /** Whether the host died where it was told to. */
  struck: boolean;
  /** One line for each promise that does not hold. */
  broken: string[];
  /** The host's last words, for whoever looks for the cause. */
  log: string;
}

/**
 * @param play throws Broken where the host does not do in it what it must
 * @param again milliseconds after which the host dies once more while it takes over what the first death left; null for not
 * @param patience milliseconds for what should come after the death, where most of it will not
 */
export async function trial(
  options: WorldOptions,
  play: (world: World) => Promise<void> = scenario,
  again: number | null = null,
  patience: number | null = null,
): Promise<Outcome> {
  const world = new World(options);
  const broken: string[] = [];
  const noted = async (promise: string, work: () => Promise<void>) => {
    try {
      await work();
    } catch (error) {
      // A verb that is refused is a promise that is not kept; anything else is a fault of the test.
      if (!(error instanceof Broken || error instanceof HostDied || error instanceof Misuse)) throw error;
      broken.push(`${promise}: ${error.message}`);
    }
  };
  try {
    await noted(promises.end, async () => {
      await play(world).catch((error: unknown) => {
        if (!(error instanceof HostDied)) throw error;
      });
    });
    if (patience !== null) world.patience = patience;
    // A scenario that came to its end has stopped its host in an orderly way.
    if (!world.alive && !world.died) broken.push(...(await brokenByContainers(world, true)));
    if (!world.alive && again !== null) await noted(promises.restart, () => world.restartFor(again));
    if (!world.alive) await noted(promises.restart, () => world.restart());
    if (world.alive) {
      await noted(promises.end, () => settle(world));
      await noted(promises.orphan, async () => void broken.push(...(await forgottenContainers(world))));
      await noted(promises.alive, () => goOn(world));
      broken.push(...(await brokenByContainers(world, false)));
      await noted(promises.restart, () => world.kill("SIGTERM"));
    }
    broken.push(...brokenPromises(world), ...(await brokenByContainers(world, true)), ...(await overlaps(world)));
    return { struck: world.struck, broken: [...new Set(broken)], log: broken.length > 0 ? world.logTail() : "" };
  } finally {
    await world.remove();
  }
}

/** What the host did not acknowledge is said again; then nothing may stay in the middle. */
export async function settle(world: World): Promise<void> {
  await makeAgent(world);
  await keepSecret(world);
  await world.sayAgain();
  for (const { chat, text } of world.said) if (text === STOPPED && !world.stopped.has(chat)) await world.stop(chat);
  const open = `SELECT 1 FROM inbox WHERE state NOT IN ('done','failed') UNION ALL SELECT 1 FROM turns WHERE state = 'running'
    UNION ALL SELECT 1 FROM outbox WHERE state IN ('pending','sending','retry')
    UNION ALL SELECT 1 FROM scheduled_tasks WHERE state = 'active' AND name <> '${PLAN.name}'
    UNION ALL SELECT 1 FROM task_leftovers`;
  const done = (said: Said) => said.n === null || world.answered(said);
  await world.until(
    "all that was accepted has an end",
    () => world.query(open).length === 0 && world.said.every(done) && world.paper.waiting().length === 0,
  );
}

export async function goOn(world: World): Promise<void> {
  const chats = [...new Set(["main", ...world.said.map(({ chat }) => chat)])];
  const probes: Said[] = [];
  for (const chat of chats) probes.push(await world.say(chat, `still there in ${chat}?`));
  await world.until("each conversation answers", () => probes.every((said) => world.answered(said)));
  await settle(world);
}
