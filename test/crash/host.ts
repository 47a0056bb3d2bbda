/** The host as src/main.ts starts it, with a channel more: the platform of files (see paper.ts). */
import { join } from "node:path";
import { fileLog } from "../../src/lib/log.ts";
import { pathsOf } from "../../src/lib/paths.ts";
import { startHost } from "../../src/main.ts";
import { Paper, paperChannel } from "./paper.ts";

const paths = pathsOf();
const log = fileLog(join(paths.logs, "host.log"), process.env.NANOCLAW_LOG_LEVEL);
const stop = new AbortController();
for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => stop.abort());
const channel = paperChannel(new Paper(join(paths.data, "../paper")));
const host = await startHost(paths, log, () => stop.abort(), { more: [channel] });
if (!stop.signal.aborted) await new Promise<void>((done) => stop.signal.addEventListener("abort", () => done()));
await host.stop();
process.exit(0);
