/** A gateway with the door's process behind it, and for each of its sessions a port where clients find the proxy. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { startProxyRelay } from "../../../../container/runner/relay.ts";
import type { RequestRecord } from "../../../../src/gateway/door.ts";
import type { Egress } from "../../../../src/gateway/egress.ts";
import { silentLog } from "../../../../src/lib/log.ts";
import { Gateway } from "../../gateway.ts";
import { type NetworkLimits, networkLimits } from "../limits.ts";
import { type Script, scripted, web } from "./network.ts";

export interface TestSession {
  /** The proxy's, as a client in the container sees it. */
  port: number;
  /** Where the session socket is. */
  socket: string;
  close(): Promise<void>;
}

export async function openGateway(
  t: Pick<TestContext, "after">,
  script: Script = {},
  limits: Partial<NetworkLimits> = {},
  {
    egress: given = null,
    trust = [web.certificate],
  }: { /** In place of the script. */ egress?: Egress | null; trust?: string[] } = {},
) {
  const heard = scripted(script);
  const { egress: one } = heard;
  const egress: Egress = given ?? {
    tunnel: (_, to) => one.tunnel(to),
    decide: (_, request, signal) => one.decide(request, signal),
    ended: one.ended,
    leaked: one.leaked,
    refused: (_, to, why, times) => one.refused(to, why, times),
  };
  const dir = mkdtempSync(join(tmpdir(), "net-"));
  const records: RequestRecord[] = [];
  const gateway = new Gateway({
    upstream: () => ({ address: "http://127.0.0.1:1", needsCredential: false }),
    credential: async () => null,
    intend: async () => null,
    record: (record) => records.push(record),
    meter: { ask: () => ({ allow: true, id: 1 }), goesOn: () => true, ended: () => {} },
    network: {
      egress,
      keysDir: join(dir, "keys"),
      program: join(import.meta.dirname, "door-process.ts"),
      limits: { ...networkLimits, ...limits },
    },
    trust,
    log: silentLog,
  });
  const closing: (() => Promise<void>)[] = [];
  t.after(async () => {
    for (const close of closing) await close();
    rmSync(dir, { recursive: true });
  });
  /** @param at where its socket goes, and who may connect to it, for a real container */
  const open = async (id: string, at = { dir: join(dir, id), uid: process.getuid?.() ?? 0 }): Promise<TestSession> => {
    const door = await gateway.open({ id, agentGroup: "a-1", uid: at.uid }, at.dir, {
      onRing() {},
      onBell() {},
      onFile: async () => "",
    });
    const socket = join(at.dir, "session.sock");
    const relay = await startProxyRelay(socket, 0, 1_000);
    let open = true;
    const close = async () => {
      if (!open) return;
      open = false;
      relay.close();
      await door.close();
    };
    closing.push(close);
    return { port: Number(new URL(relay.url).port), socket, close };
  };
  return { ...heard, gateway, open, records, dir, authority: () => gateway.trust()["ca.pem"] ?? "" };
}
