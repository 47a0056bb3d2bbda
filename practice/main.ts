/**
 * `node practice/main.ts --socket PATH | --port N [--end-with-stdin]`: a model server for trying NanoClaw without an account. It speaks
 * the Anthropic Messages protocol with scripted words, keeps nothing, and listens on this machine only.
 */
import { chmodSync, lstatSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { parseArgs } from "node:util";
import { createPracticeServer } from "./server.ts";

const { values } = parseArgs({
  options: { socket: { type: "string" }, port: { type: "string" }, "end-with-stdin": { type: "boolean" } },
});
if ((values.socket === undefined) === (values.port === undefined)) fail("say either --socket PATH or --port N");

const server = createPracticeServer();
server.on("error", (error) => fail(error.message));
for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, end);
// Whoever started it may be killed without a chance to stop it; its end of the pipe closes even then.
if (values["end-with-stdin"]) process.stdin.resume().once("close", end);

if (values.socket === undefined) {
  server.listen(Number(values.port), "127.0.0.1", () =>
    console.log(`listening on ${JSON.stringify(server.address())}`),
  );
} else {
  const path = values.socket;
  await removeStale(path);
  process.umask(0o177);
  server.listen(path, () => {
    chmodSync(path, 0o600);
    console.log(`listening on ${path}`);
  });
}

/** A socket that nobody listens on is left from a run that was killed. Anything else in its place is not ours to remove. */
async function removeStale(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (!found) return;
  if (!found.isSocket()) fail(`${path} exists and is not a socket`);
  const alive = await new Promise<boolean>((resolve) => {
    const probe = connect(path, () => resolve(true)).on("error", () => resolve(false));
    probe.on("connect", () => probe.destroy());
  });
  if (alive) fail(`another server listens on ${path}`);
  rmSync(path, { force: true });
}

function end(): void {
  server.close(() => process.exit(0));
  server.closeAllConnections();
}

function fail(why: string): never {
  console.error(`practice model: ${why}`);
  process.exit(2);
}
