/**
 * Runs knip and fails on what it finds: files, exports and dependencies that nothing uses. It must also find
 * `deadcode-canary.ts`, which nothing uses on purpose: else it looked at nothing.
 */
import { spawnSync } from "node:child_process";
import { relative, resolve } from "node:path";

const root = resolve(import.meta.dirname, "../..");
const canary = relative(root, resolve(import.meta.dirname, "deadcode-canary.ts"));

const knip = spawnSync("pnpm", ["exec", "knip", "--reporter", "compact", "--no-progress", "--no-config-hints"], {
  cwd: root,
  encoding: "utf8",
});
const lines = `${knip.stdout}${knip.stderr}`.split("\n");
const found = lines.some((line) => line.startsWith(canary));
const rest = lines.filter((line) => !line.startsWith(canary));
// One heading and no entry under it is what is left when only the canary was found.
const clean = rest.every((line) => line.trim() === "" || line.startsWith("Unused files"));

if (!found) process.stdout.write(`knip did not find ${canary}: it looked at nothing\n`);
if (!found || !clean) process.stdout.write(`${rest.join("\n").trim()}\n`);
process.exitCode = found && clean ? 0 : 1;
