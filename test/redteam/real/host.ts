/** The host as src/main.ts starts it, with the street as a channel more. */
import { join } from "node:path";
import { fileLog } from "../../../src/lib/log.ts";
import { pathsOf } from "../../../src/lib/paths.ts";
import { startHost } from "../../../src/main.ts";
import { streetChannel } from "./street.ts";

const paths = pathsOf();
const log = fileLog(join(paths.logs, "host.log"), process.env.NANOCLAW_LOG_LEVEL);
const stop = new AbortController();
for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => stop.abort());
const host = await startHost(paths, log, () => stop.abort(), { more: [streetChannel(join(paths.run, "street.sock"))] });
if (!stop.signal.aborted) await new Promise<void>((done) => stop.signal.addEventListener("abort", () => done()));
await host.stop();
process.exit(0);
