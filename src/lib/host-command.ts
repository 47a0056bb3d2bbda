/**
 * What Node is given to run the host, from the project folder. What the host makes is short-lived: a small young
 * generation, and a bound on the old one, make Node collect it instead of letting a busy hour's garbage stand for ever.
 */
import { join } from "node:path";
import type { Paths } from "./paths.ts";

export const hostArguments = ["--max-semi-space-size=2", "--max-old-space-size=256", "src/main.ts"];

/** Node keeps what it has compiled: a process that had to strip types itself is 30 MB larger for as long as it runs. */
export const hostEnvironment = ({ data }: Pick<Paths, "data">) => ({ NODE_COMPILE_CACHE: join(data, "code") });
