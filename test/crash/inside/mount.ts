/** Brings inside/hook.ts into a container that the host is about to make: one more mount, and a preload of the runner. */
import type { ClientRequest } from "node:http";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

const DIR = "/nanoclaw-crash";
/** `new URL` and not a plain path, so that tools see that the file is used. */
const HOOK = fileURLToPath(new URL("./hook.ts", import.meta.url));

/** @param request of `POST /containers/create` @param plan what the hook reads from its environment */
export function withInsideHook(request: ClientRequest, plan: string): ClientRequest {
  const end = request.end.bind(request);
  request.end = ((text: string) => {
    const body = JSON.parse(text);
    // A recovery container only mends what the killed one left.
    if (!body.Cmd.includes("/app/container/runner/recover.ts")) {
      body.Cmd.splice(body.Cmd.indexOf("run") + 1, 0, "--preload", `${DIR}/hook.ts`);
      body.Env.push(`NANOCLAW_CRASH_INSIDE=${plan}`);
      body.HostConfig.Mounts.push({ Type: "bind", Source: dirname(HOOK), Target: DIR, ReadOnly: true });
    }
    const changed = JSON.stringify(body);
    request.setHeader("content-length", Buffer.byteLength(changed));
    return end(changed);
  }) as ClientRequest["end"];
  return request;
}
