/** Starts the agent SDK by itself, on the host, and asks it one thing: what a cold start costs without a container. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openClaude } from "../container/providers/claude/claude.ts";

const [relayUrl, words] = process.argv.slice(2);
if (!relayUrl || !words) throw new Error("give the address of a model, and what to ask");
const dir = mkdtempSync(join(tmpdir(), "nc-sdk-"));
process.env.HOME = dir;
const provider = await openClaude({
  instructions: "You are an assistant.",
  model: null,
  mcpServers: {},
  tools: [],
  continuation: null,
  relayUrl,
  workspace: dir,
  stateDir: dir,
  modelRetries: 0,
  emit: (event) => {
    if (event.type === "end" || event.type === "error") void provider.close().then(() => process.exit(0));
  },
});
provider.send({ id: "1", text: words });
