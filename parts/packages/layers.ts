/** Images on this machine, by the engine's own command, and `container/layer.sh`, which puts packages on top of one. */
import { execFile, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { Misuse } from "../../src/lib/errors.ts";

const run = promisify(execFile);

/** By which an installation knows the images that it made. */
const LABEL = "nanoclaw.layer";
/** Longest that a build may take, milliseconds: a large closure over a slow line. */
const LONGEST = 60 * 60_000;
/** What is kept of a failure's words, characters. */
const MOST_WORDS = 1_000;

export interface Wanted {
  base: string;
  image: string;
  packages: string[];
  onStep(step: string): void;
  signal: AbortSignal;
}

export interface Layers {
  /** The text of what builds a layer: where that changes, layers are made anew. */
  readonly recipe: string;
  /** What tells an image's content from others. @throws Misuse where it is not there */
  digestOf(image: string): Promise<string>;
  has(image: string): Promise<boolean>;
  /** @throws Misuse with the reason, and what to do */
  build(wanted: Wanted): Promise<void>;
  /** Removes this installation's layers but these; those that a container still needs stay. @returns how many went */
  removeAllBut(keep: ReadonlySet<string>): Promise<number>;
}

export class DockerLayers implements Layers {
  readonly #root: string;
  readonly #installation: string;
  readonly recipe: string;

  constructor(root: string, installation: string) {
    this.#root = root;
    this.#installation = installation;
    const files = ["layer.sh", "steps.sh", "image/unpack.sh", "image/finish.sh"];
    this.recipe = files.map((file) => readFileSync(join(root, "container", file), "utf8")).join("\n");
  }

  async digestOf(image: string): Promise<string> {
    const layers = await this.#inspect(image);
    if (layers === null) throw new Misuse(`there is no image ${image} to build on`, "`bash container/build.sh`");
    return layers;
  }

  async has(image: string): Promise<boolean> {
    return (await this.#inspect(image)) !== null;
  }

  build({ base, image, packages, onStep, signal }: Wanted): Promise<void> {
    const args = [join(this.#root, "container/layer.sh"), base, image, `${LABEL}=${this.#installation}`, ...packages];
    // A group of its own: a shell that is told to end waits for what it runs, so that has to end too.
    const child = spawn("bash", args, { cwd: this.#root, stdio: ["ignore", "pipe", "pipe"], detached: true });
    const stop = () => {
      if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, "SIGTERM");
    };
    const timer = setTimeout(stop, LONGEST);
    signal.addEventListener("abort", stop, { once: true });
    let words = "";
    createInterface({ input: child.stdout }).on("line", onStep);
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      words = (words + text).slice(-4 * MOST_WORDS);
    });
    return new Promise((done, fail) => {
      child.once("error", fail);
      child.once("close", (code) => {
        clearTimeout(timer);
        signal.removeEventListener("abort", stop);
        if (code === 0) return done();
        const [, what = words.trim() || "it was stopped"] = /FAILED: (.*)/.exec(words) ?? [];
        const [, next = "`ncl packages build` tries again"] = /^\s*next: (.*)$/m.exec(words) ?? [];
        fail(new Misuse(what.slice(0, MOST_WORDS), next));
      });
    });
  }

  async removeAllBut(keep: ReadonlySet<string>): Promise<number> {
    const filter = `label=${LABEL}=${this.#installation}`;
    const format = "{{.Repository}}:{{.Tag}}";
    const { stdout } = await run("docker", ["image", "ls", "--filter", filter, "--format", format]);
    const old = stdout.split("\n").filter((tag) => tag !== "" && !keep.has(tag));
    // Without force: the engine keeps what a container was made from.
    const gone = await Promise.allSettled(old.map((tag) => run("docker", ["image", "rm", tag])));
    return gone.filter(({ status }) => status === "fulfilled").length;
  }

  /** @returns the digests of its layers, or null where there is no such image */
  async #inspect(image: string): Promise<string | null> {
    try {
      const { stdout } = await run("docker", ["image", "inspect", "--format", "{{json .RootFS.Layers}}", image]);
      return stdout.trim();
    } catch (error) {
      const said = String((error as { stderr?: string }).stderr ?? error);
      if (/no such image/i.test(said)) return null;
      throw new Misuse(
        `the engine can't be asked for images: ${said.trim().slice(0, 300)}`,
        "`ncl status` tells how the engine is.",
      );
    }
  }
}
