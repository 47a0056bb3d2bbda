/** A container that does one thing and ends. */
import { type Clock, inTime } from "../lib/clock.ts";
import type { Exit, Sandbox, SandboxDriver, SandboxSpec } from "./sandbox.ts";

/**
 * @param limit milliseconds; a container that is stuck must not hold up whoever waits for it
 * @returns how it ended
 * @throws where it could not be started, or had not ended in time: then it was ended
 */
export async function runErrand(
  driver: Pick<SandboxDriver, "start">,
  clock: Clock,
  spec: SandboxSpec,
  limit: number,
  started: (sandbox: Sandbox) => void = () => {},
): Promise<Exit> {
  const late = () => new Error(`${spec.name} took longer than ${limit / 1000} s`);
  const sandbox = await driver.start(spec);
  started(sandbox);
  try {
    return await inTime(clock, limit, sandbox.exited, late);
  } catch (error) {
    await sandbox.stop(0);
    throw error;
  }
}
