/**
 * Looks into what agents have written, from inside a container: as their user, reading only, without their socket, for a bounded time
 * and so many files. What comes back is three numbers.
 */
import { inside } from "../../protocol/layout.ts";
import type { Clock } from "../../src/lib/clock.ts";
import { runErrand } from "../../src/sandbox/errand.ts";
import type { Sandbox, SandboxDriver, SandboxSpec } from "../../src/sandbox/sandbox.ts";
import type { Found } from "./limits.ts";

/** Where the places lie in the measuring container. */
const PLACES = "/measured";
/** A look takes so long at most, seconds; a million files on a warm disk take a few. */
const PATIENCE = 45;
/** For all of it, milliseconds: its folders may have to be opened first. */
const LIMIT = 3 * 60_000;
const NOBODY_SAID = 3;

/**
 * What a file takes on the disk counts, once for all its names. More files than `most` are not looked at: that is too many already.
 * Names never get into what is said.
 */
function script(places: string[], most: number): string {
  const all = places.join(" ");
  const find = `find ${all} -xdev -type d '(' ! -readable -o ! -executable ')' -printf 'h\\n' -o -printf '%b %n %i\\n'`;
  const sum = `$1=="h" { hidden++; next } { files++ } $2>1 && ($3 in seen) { next } { if ($2>1) seen[$3]; blocks+=$1 }
    END { printf "%.0f %.0f %.0f\\n", blocks*512, files+hidden, hidden }`;
  return `exec 3>&2 2>/dev/null
timeout ${PATIENCE} ${find} | head -n ${most + 1} | awk '${sum}' >&3
ends=("\${PIPESTATUS[@]}")
[ "\${ends[0]}" = 124 ] && exit ${NOBODY_SAID}
exit "\${ends[2]}"`;
}

/** Folders are made so that their user can look into them. Only where nothing else runs that could close them again. */
const opening = (places: string[]) =>
  `find ${places.join(" ")} -xdev -type d '(' ! -readable -o ! -executable ')' -exec chmod u+rwx {} ';' 2>/dev/null; `;

export interface Look {
  /** Any container of one of the agent's sessions, as it would be started. */
  spec: SandboxSpec;
  /** Folders of the host that count. */
  places: string[];
  /** Goes in where a session's socket would: an empty folder. */
  nothing: string;
  /** More files than that need not be counted. */
  most: number;
  /** Makes it possible to look into all of them first. */
  open: boolean;
  name: string;
}

/** The container that looks. Pure. */
export function measuringSpec({ spec, places, nothing, most, open, name }: Look): SandboxSpec {
  const mounts = places.map((source, i) => ({ source, target: `${PLACES}/${i}`, readOnly: !open }));
  const targets = mounts.map(({ target }) => target);
  return {
    ...spec,
    name,
    // Nothing of the agent's runs in it, and gVisor tells the length of a file as what it takes.
    runtime: null,
    // No session's: a host that finds it running after a crash ends it.
    labels: { ...spec.labels, "nanoclaw.session": "measuring" },
    command: ["bash", "-c", `${open ? opening(targets) : ""}${script(targets, most)}`],
    environment: { LC_ALL: "C" },
    mounts,
    tmpfs: spec.tmpfs.filter(({ target }) => target === "/tmp"),
    workingDir: "/tmp",
    socket: { dir: nothing, target: inside.socketDir },
  };
}

/** @throws where nobody could say in time, the container failed, or it was ended */
export async function measure(
  driver: Pick<SandboxDriver, "start">,
  clock: Clock,
  look: Look,
  started: (sandbox: Sandbox) => void = () => {},
): Promise<Found> {
  const { code, stderr } = await runErrand(driver, clock, measuringSpec(look), LIMIT, started);
  if (code === NOBODY_SAID) throw new Error(`looking into it took longer than ${PATIENCE} s`);
  const [, bytes, files, hidden] = /^(\d{1,15}) (\d{1,15}) (\d{1,15})\n$/.exec(stderr) ?? [];
  if (code !== 0 || hidden === undefined)
    throw new Error(`the container that looks ended with code ${code}: ${stderr}`);
  return { bytes: Number(bytes), files: Number(files), hidden: Number(hidden) };
}
