/** The prover with the real parts of a host around it, on folders of its own; tests put others in the place of single parts. */
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DockerDriver } from "../../../drivers/docker/driver.ts";
import { Gateway } from "../../../drivers/door/gateway.ts";
import { DiskFiles } from "../../../drivers/files/files.ts";
import { ReaderPool } from "../../../drivers/readers/reader-pool.ts";
import type { Attack } from "../../../parts/prove/attack.ts";
import { realMail } from "../../../parts/prove/mail.ts";
import { prove, type Verdict } from "../../../parts/prove/prover.ts";
import type { ProverParts } from "../../../parts/prove/stage.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import { type AgentGroupId, systemRandom } from "../../../src/lib/ids.ts";
import { silentLog } from "../../../src/lib/log.ts";
import { pathsOf } from "../../../src/lib/paths.ts";
import type { AgentGroup } from "../../../src/store/groups.ts";

const isRoot = process.getuid?.() === 0;
const READERS = isRoot ? { uid: 699_999, gid: 699_999 } : null;

export interface ProveBench {
  parts: ProverParts;
  readers: ReaderPool;
  sessionsDir: string;
  /** Attacks the box of an agent under this runtime. */
  run(only?: readonly Attack[], changed?: Partial<ProverParts>): Promise<Verdict[]>;
  close(): Promise<void>;
}

export async function proveBench(runtime: string | null): Promise<ProveBench> {
  const dir = mkdtempSync(join(tmpdir(), "np-"));
  chmodSync(dir, 0o711);
  const paths = pathsOf(undefined, {
    ...{ NANOCLAW_DATA: join(dir, "data"), NANOCLAW_RUN: join(dir, "run"), XDG_CONFIG_HOME: join(dir, "config") },
    NANOCLAW_IMAGE: process.env.NANOCLAW_TEST_IMAGE ?? "nanoclaw-agent:latest",
  });
  mkdirSync(paths.data, { recursive: true, mode: 0o711 });
  mkdirSync(paths.run, { recursive: true, mode: 0o711 });
  const granted = join(realpathSync(dir), "granted");
  mkdirSync(granted, { mode: 0o777 });
  chmodSync(granted, 0o777);
  const driver = new DockerDriver();
  await driver.check();
  const readers = new ReaderPool({ sessionsDir: paths.sessions, user: READERS, log: silentLog });
  const group: AgentGroup = {
    ...{ id: "a-prove" as AgentGroupId, folder: "main", name: "Nano", provider: "null", model: null, runtime },
    ...{ uid: isRoot ? 700_321 : (process.getuid?.() ?? 1000), createdAt: 0 },
  };
  const parts: ProverParts = {
    ...{ paths, clock: systemClock, random: systemRandom, driver, readers, readersGroup: READERS?.gid ?? null },
    files: new DiskFiles({ clock: systemClock, random: systemRandom, fetch: () => Promise.reject(new Error("none")) }),
    doorTo: (upstream, secret, egress) =>
      new Gateway({
        network: { egress, keysDir: paths.config },
        upstream: () => upstream,
        credential: async () => ({ kind: "api_key", secret }),
        record: () => {},
        intend: async () => null,
        meter: { ask: () => ({ allow: true, id: 1 }), goesOn: () => true, ended: () => {} },
        log: silentLog,
      }),
    labels: { "nanoclaw.installation": paths.installation, "nanoclaw.test": "1" },
    ...realMail,
    imageOf: () => paths.image,
    mountsOf: () => [{ source: granted, target: "/mnt/granted", readOnly: true }],
  };
  return {
    ...{ parts, readers, sessionsDir: paths.sessions },
    async run(only, changed = {}) {
      const verdicts: Verdict[] = [];
      const going = prove({ ...parts, ...changed }, group, new AbortController().signal, only);
      for await (const verdict of going) verdicts.push(verdict);
      return verdicts;
    },
    async close() {
      driver.close();
      await readers.close();
      const filter = `label=nanoclaw.installation=${paths.installation}`;
      const left = execFileSync("docker", ["ps", "-aq", "--filter", filter], { encoding: "utf8" }).split("\n");
      if (left[0]) execFileSync("docker", ["rm", "-f", ...left.filter(Boolean)], { stdio: "ignore" });
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
