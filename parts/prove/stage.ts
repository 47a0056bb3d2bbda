/** Sets up what an attack needs around its container, and takes all of it away again. */
import { chownSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import type { Door, OpenDoor, Upstream } from "../../src/gateway/door.ts";
import type { Egress } from "../../src/gateway/egress.ts";
import type { Random, SessionId } from "../../src/lib/ids.ts";
import type { Paths } from "../../src/lib/paths.ts";
import type { Mount, SandboxDriver, SandboxSpec } from "../../src/sandbox/sandbox.ts";
import { containerSpec } from "../../src/sessions/container.ts";
import type { SessionFiles } from "../../src/sessions/files.ts";
import { sessionFolder } from "../../src/sessions/folder.ts";
import type { AgentGroup } from "../../src/store/groups.ts";
import type { Session } from "../../src/store/sessions.ts";
import { Mail, type MailParts } from "./mail.ts";
import { privateOnly } from "./private-only.ts";
import { leftovers, PREFIX, removeSession, Scratch } from "./scratch.ts";
import { sweep } from "./sweep.ts";
import { Watch } from "./watch.ts";
import type { World } from "./world.ts";

export interface ProverParts extends MailParts {
  paths: Paths;
  random: Random;
  driver: SandboxDriver;
  readersGroup: number | null;
  files: Pick<SessionFiles, "take">;
  /** A gateway of its own, whose upstream, credential and rules are the prover's. */
  doorTo(upstream: Upstream, secret: string, egress: Egress): Door;
  labels: Record<string, string>;
  /** The folders of a person that the agent gets. */
  mountsOf(group: AgentGroup): Mount[];
  /** The image that the agent's containers start with. */
  imageOf(group: AgentGroup): string;
  /** What the container gets; changed only by tests that take a control away. */
  adjust?: (spec: SandboxSpec, world: World) => SandboxSpec;
}

export type OnFile = (name: string, bytes: AsyncIterable<Uint8Array>) => Promise<string>;

export interface Stage {
  world: World;
  /** Takes it down. What can't be taken away now goes with the next proof. */
  close(): Promise<void>;
}

/** @param onFile hears of each file that comes from the container */
export async function setStage(parts: ProverParts, group: AgentGroup, onFile: OnFile): Promise<Stage> {
  const { paths, clock, random, driver } = parts;
  const session: Session = {
    id: `${PREFIX}${random.token(8)}` as SessionId,
    agentGroup: group.id,
    ...{ conversation: "prove/own", channel: "prove", chat: "own", thread: null, runtime: null },
    ...{ outboundCursor: 0, lastActiveAt: clock.now() },
  };
  const isRoot = process.getuid?.() === 0;
  const old = leftovers(paths.sessions, group);
  const folder = sessionFolder(paths.sessions, session);
  const watch = new Watch(folder.root, isRoot ? group.uid : null);
  // Each of these takes milliseconds, and the host has other work in between.
  await turn();
  const scratch = new Scratch(paths, group, session, parts.readersGroup, watch.secret);
  await turn();
  const mail = new Mail(parts, group, session, folder);
  await turn();
  const socketDirs = [join(paths.run, "s", session.id), join(paths.run, "s", `${session.id}-x`)] as const;
  const doors: OpenDoor[] = [];
  let spec: SandboxSpec | null = null;

  const close = async () => {
    await watch.stop();
    for (const door of doors) await door.close();
    mail.close();
    if (spec) await sweep(driver, spec, folder.root);
    await scratch.remove();
    for (const dir of socketDirs) rmSync(dir, { recursive: true, force: true });
  };

  try {
    await scratch.fill(paths.root);
    await watch.start();
    const door = parts.doorTo(
      { address: `unix:${watch.upstreamSocket}`, needsCredential: true },
      watch.secret,
      privateOnly(),
    );
    // As before every container's start: the first time that makes the certificate authority, which takes a moment.
    door.trust();
    const onRing = () => {
      watch.rings += 1;
    };
    for (const [dir, take] of [
      [socketDirs[0], onFile],
      [socketDirs[1], async () => ""],
    ] as const) {
      const id = dir === socketDirs[0] ? session.id : `${session.id}-x`;
      const hooks = { onRing, onBell: () => {}, onFile: take };
      doors.push(await door.open({ id, agentGroup: group.id, uid: group.uid }, dir, hooks));
    }
    // As on a host that is not root: the mount alone keeps the container from replacing its socket.
    if (isRoot) chownSync(socketDirs[0], group.uid, group.uid);
    watch.askBeside(join(socketDirs[1], "session.sock"));
    const plan = {
      session,
      group,
      folder,
      groupFolder: scratch.groupFolder,
      socketDir: socketDirs[0],
      timeZone: "UTC",
    };
    // Read-only, whatever the grant says: the probe would leave its traces in a person's folder.
    const mounts = parts.mountsOf(group).map((mount) => ({ ...mount, readOnly: true }));
    const own = containerSpec({ ...plan, errand: null }, { ...paths, root: scratch.code }, parts.labels, {
      image: parts.imageOf(group),
      extraMounts: mounts,
    });
    const world: World = { spec: own, uid: group.uid, isRoot, scratch, watch, mail };
    world.spec = parts.adjust?.(own, world) ?? own;
    for (const root of old) {
      await sweep(driver, own, root);
      await removeSession(root);
    }
    spec = own;
    return { world, close };
  } catch (error) {
    await close();
    throw error;
  }
}
