/**
 * How long a session that sleeps takes until its first model request arrives, beside the two things that it can't be
 * faster than: a bare container of the same image, and the agent SDK started on the host. Taken in turn, in one run.
 */
import { spawn } from "node:child_process";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { dirname, join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { BenchHost } from "./bench-host.ts";
import { percentiles, type Section, single, wallClock } from "./stats.ts";

const ROOT = resolve(import.meta.dirname, "..");
const RUNS = 10;

/** Bun's own launcher is put in place by an install script, which is not run: its platform package has the program. */
function bunOnHost(): string {
  const bun = createRequire(join(ROOT, "container", "runner", "package.json")).resolve("bun/package.json");
  const platform = `@oven/bun-${process.platform}-${process.arch === "arm64" ? "aarch64" : process.arch}`;
  return join(dirname(createRequire(bun).resolve(`${platform}/package.json`)), "bin", "bun");
}

/** A model that notes when it is first asked a thing, and refuses: what comes after is not measured. */
async function watchedModel() {
  const firstAsked = new Map<string, (at: number) => void>();
  const server = createServer(async (request, response) => {
    const at = wallClock();
    const asked = await text(request);
    for (const [words, arrived] of firstAsked) if (asked.includes(words)) arrived(at);
    const error = { type: "error", error: { type: "invalid_request_error", message: "only a bench" } };
    response.writeHead(400, { "content-type": "application/json" }).end(JSON.stringify(error));
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** When a request that holds these words first came in. */
    asked: (words: string) => new Promise<number>((resolve) => firstAsked.set(words, resolve)),
    close: () => server.close(),
  };
}

function timed(command: string, args: string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const started = wallClock();
    const child = spawn(command, args, { stdio: "ignore" });
    child.once("error", reject);
    child.once("exit", () => resolve(wallClock() - started));
  });
}

export async function coldStart(): Promise<Section> {
  const bun = bunOnHost();
  const model = await watchedModel();
  const host = new BenchHost();
  await host.start("claude", RUNS + 1);
  await host.client.call("credentials.set", { name: "anthropic", kind: "api_key", secret: "bench-only" });
  await host.client.call("model.use", { model: "anthropic", address: model.url });
  const cold: number[] = [];
  const bare: number[] = [];
  const sdk: number[] = [];
  try {
    for (let run = 0; run <= RUNS; run++) {
      const inContainer = model.asked(`container ${run} asks`);
      const { calledAt } = await host.say(`c${run}`, `container ${run} asks`);
      const coldMs = (await inContainer) - calledAt;
      const bareMs = await timed("docker", ["run", "--rm", "--network", "none", "nanoclaw-agent:latest", "true"]);
      const onHost = model.asked(`host ${run} asks`);
      const started = wallClock();
      const ended = timed(bun, ["run", join(ROOT, "bench", "sdk-on-host.ts"), model.url, `host ${run} asks`]);
      const sdkMs = (await onHost) - started;
      await ended;
      // The first round fills caches.
      if (run === 0) continue;
      cold.push(coldMs);
      bare.push(bareMs);
      sdk.push(sdkMs);
    }
  } finally {
    await host.stop();
    model.close();
  }
  const rows = [
    percentiles("accepted -> first model request", "ms", cold),
    percentiles("bare docker run of the same image", "ms", bare),
    percentiles("agent SDK on the host -> first model request", "ms", sdk),
  ];
  const [all, container, agent] = rows.map((row) => row.p50 ?? Number.NaN) as [number, number, number];
  const above = single("above the two, medians", "ms", all - container - agent, "150");
  return { name: "c. cold start, real agent SDK", rows: [...rows, above] };
}
