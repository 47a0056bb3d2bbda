/** A driver that starts containers as the real one does, with one thing of the engine's request changed: a control taken away. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { engineSocket } from "../../../drivers/docker/connection.ts";
import { DockerContainer } from "../../../drivers/docker/container.ts";
import { createBody } from "../../../drivers/docker/create-body.ts";
import { DockerDriver } from "../../../drivers/docker/driver.ts";
import { Engine } from "../../../drivers/docker/engine.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import type { Sandbox, SandboxDriver, SandboxSpec } from "../../../src/sandbox/sandbox.ts";

type Body = ReturnType<typeof createBody>;
/** The engine's request, with fields that ours never sends. */
export type Loose = Omit<Body, "HostConfig"> & { HostConfig: Body["HostConfig"] & Record<string, unknown> };
export type Alter = (body: Loose, spec: SandboxSpec) => void;

const profile = readFileSync(resolve(import.meta.dirname, "../../../container/image/seccomp.json"), "utf8");

export class AlteredDriver implements SandboxDriver {
  readonly id = "altered";
  readonly cannot: string[] = [];
  readonly #alter: Alter;
  readonly #engine = new Engine(engineSocket());
  readonly #real = new DockerDriver();
  readonly #closed = new AbortController();

  constructor(alter: Alter) {
    this.#alter = alter;
  }

  lacks = () => ({});
  check = () => this.#real.check();
  survivors = (labels: Record<string, string>) => this.#real.survivors(labels);
  describe = (spec: SandboxSpec) => this.#real.describe(spec);

  async start(spec: SandboxSpec): Promise<Sandbox> {
    const body: Loose = createBody(spec, JSON.stringify(JSON.parse(profile)));
    // What empties the folders afterwards is no attack.
    if (!spec.name.endsWith("-sweep")) this.#alter(body, spec);
    else body.User = "0:0";
    if (spec.name.endsWith("-sweep")) Object.assign(body.HostConfig, { CapDrop: [] });
    const id = await this.#engine.create(spec.name, body);
    await this.#engine.start(id);
    return new DockerContainer(id, spec.name, {
      engine: this.#engine,
      clock: systemClock,
      closed: this.#closed.signal,
    });
  }

  close(): void {
    this.#closed.abort();
    this.#real.close();
  }
}
