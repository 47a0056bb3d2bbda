/** The host with a channel more: the platform of files (see paper.ts). */
import { join } from "node:path";
import { main } from "../../src/main.ts";
import { Paper, paperChannel } from "./paper.ts";

await main(({ data }) => ({ more: [paperChannel(new Paper(join(data, "../paper")))] }));
