/** The host with the street as a channel more. */
import { join } from "node:path";
import { main } from "../../../src/main.ts";
import { streetChannel } from "./street.ts";

await main(({ run }) => ({ more: [streetChannel(join(run, "street.sock"))] }));
