/** A box (test/support/sandbox/box.ts) on this machine's Docker engine. */
import { execFileSync } from "node:child_process";
import { DockerDriver } from "../../drivers/docker/driver.ts";
import { type Box, boxOf } from "../support/sandbox/box.ts";

export { UID } from "../support/sandbox/box.ts";
export const IMAGE = process.env.NANOCLAW_TEST_IMAGE ?? "nanoclaw-agent:latest";

export function openBox(runtime: string | null, driver = new DockerDriver()): Box<DockerDriver> & { close(): void } {
  const box = boxOf(driver, IMAGE, runtime);
  return {
    ...box,
    close() {
      driver.close();
      const left = docker(
        "ps",
        "-aq",
        "--filter",
        `label=nanoclaw.installation=${box.labels["nanoclaw.installation"]}`,
      );
      if (left) docker("rm", "-f", ...left.split("\n"));
      box.removeFolders();
    },
  };
}

export function docker(...args: string[]): string {
  return execFileSync("docker", args, { encoding: "utf8" }).trim();
}
