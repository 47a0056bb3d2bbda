/** The composition root: builds the parts, hands each what it needs, starts them in order and stops them in reverse. */
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DockerDriver } from "../drivers/docker/driver.ts";
import { checkCredential } from "../drivers/door/credential-check.ts";
import { Gateway } from "../drivers/door/gateway.ts";
import { DiskFiles } from "../drivers/files/files.ts";
import { ModelServer } from "../drivers/model-server/model-server.ts";
import { ReaderPool } from "../drivers/readers/reader-pool.ts";
import { TerminalChannel } from "../drivers/terminal/terminal.ts";
import { SealedVault } from "../drivers/vault/vault.ts";
import { extraMounts } from "../parts/mounts/index.ts";
import { proof } from "../parts/prove/index.ts";
import { scheduledTasks } from "../parts/tasks/index.ts";
import { MailboxWriter } from "../protocol/mailbox/writer.ts";
import { Audit } from "./audit/audit.ts";
import type { Channel } from "./channels/channel.ts";
import { channelLoader } from "./channels/load.ts";
import { agentOfChat } from "./channels/terminal.ts";
import { agentTools, carryOutFor } from "./control/agent-tools.ts";
import { careEffects } from "./control/effects/care.ts";
import { addedChannels, channelCredentials, channelEffects } from "./control/effects/channels.ts";
import { chatEffects } from "./control/effects/chat.ts";
import { groupEffects } from "./control/effects/groups.ts";
import { messageEffects } from "./control/effects/messages.ts";
import { Executor } from "./control/execute.ts";
import { anthropicBundle } from "./gateway/bundle.ts";
import { ModelChoice } from "./gateway/model-choice.ts";
import { controlApp, listen } from "./http/control-server.ts";
import { systemClock } from "./lib/clock.ts";
import { Misuse, messageOf } from "./lib/errors.ts";
import { systemRandom } from "./lib/ids.ts";
import { takeLock } from "./lib/lock.ts";
import { fileLog, type Log } from "./lib/log.ts";
import { type Paths, pathsOf } from "./lib/paths.ts";
import { type MessagePath, messagePath } from "./message-path.ts";
import { containerSpec } from "./sessions/container.ts";
import { sessionFolder } from "./sessions/folder.ts";
import { defaultTimers, type Timers } from "./sessions/machine.ts";
import type { Session } from "./store/sessions.ts";
import { openStore } from "./store/store.ts";

/** Containers that run at once; each warm agent takes about 300 MB. */
const MAX_CONTAINERS = 12;

/** Whom mailbox readers become where the host is root: nobody else's id, just below those of the containers. */
const READER = { uid: 699_999, gid: 699_999 };

export interface Host {
  stop(): Promise<void>;
}

/**
 * Starts a host on the data folder of `paths`.
 * @param onStop called when someone asks the host to stop
 * @param more channels beside the terminal that are always there
 * @param timers how long each state of a session may last
 * @throws Misuse with a next step where that can't be
 */
export async function startHost(
  paths: Paths,
  log: Log,
  onStop: () => void,
  { more = [], timers = defaultTimers }: { more?: Channel[]; timers?: Timers } = {},
): Promise<Host> {
  mkdirSync(paths.data, { recursive: true, mode: 0o700 });
  mkdirSync(paths.run, { recursive: true, mode: 0o711 });
  const lock = takeLock(join(paths.data, "host.lock"));
  const clock = systemClock;
  const random = systemRandom;
  const startedAt = clock.now();
  const store = openStore(paths.database);
  const audit = new Audit(store.db, clock);
  const vault = new SealedVault(store.db, paths.vaultKey);

  const practiceSocket = join(paths.run, "practice.sock");
  const practiceServer = new ModelServer({
    command: [
      process.execPath,
      join(paths.root, "practice", "main.ts"),
      "--socket",
      practiceSocket,
      "--end-with-stdin",
    ],
    socket: practiceSocket,
    log: log.child({ part: "practice" }),
  });
  const model = new ModelChoice({
    settings: store.settings,
    practiceServer,
    checkCredential,
    practiceAddress: `unix:${practiceSocket}`,
    usualAddress: anthropicBundle.address,
  });
  const gateway = new Gateway({
    upstream: () => model.upstream(),
    credential: async () => vault.reveal("anthropic"),
    record: ({ session, agentGroup, method, host, path, status, decision, ...detail }) =>
      audit.append({
        actor: `agent:${agentGroup}`,
        verb: `request.${method.toLowerCase()}`,
        resource: `${host}${path}`,
        decision,
        detail: { session, status, ...detail },
      }),
    log: log.child({ part: "gateway" }),
  });

  const driver = new DockerDriver();
  const user = process.getuid?.() === 0 ? READER : null;
  const readers = new ReaderPool({ sessionsDir: paths.sessions, user, log: log.child({ part: "readers" }) });
  const mounts = extraMounts({ store, clock, paths, log: log.child({ part: "mounts" }) });
  const labels = { "nanoclaw.installation": paths.installation };
  const load = channelLoader(paths.root);
  const folderOf = (session: Session) => sessionFolder(paths.sessions, session);
  const files = new DiskFiles({
    ...{ clock, random },
    fetch: async (id, ref) => {
      const channel = path.registry.get(id);
      if (!channel?.fetch) throw new Misuse(`the channel ${id} can't fetch files`);
      return channel.fetch(ref);
    },
  });
  const terminal = new TerminalChannel(store.db, clock, (chat) => agentOfChat(store, chat));
  const path: MessagePath = messagePath({
    readersGroup: user?.gid ?? null,
    ...{ store, audit, clock, random, log, driver, readers, labels, more, door: gateway, timers },
    openMailbox: (file) => MailboxWriter.open(file),
    sessionsDir: paths.sessions,
    groupsDir: paths.groups,
    runDir: join(paths.run, "s"),
    maxContainers: MAX_CONTAINERS,
    specOf: (plan) => containerSpec(plan, paths, labels, plan.recovery ? [] : mounts.of(plan.group.folder)),
    ...{ terminal, files, load, tools: agentTools, carryOut: carryOutFor(store, () => executor) },
    credentials: (id) => channelCredentials(vault, id),
    added: () => addedChannels(store),
  });
  const { registry, router, supervisor } = path;
  const tasks = scheduledTasks({
    ...{ store, audit, clock, random, router, supervisor },
    log: log.child({ part: "tasks" }),
  });

  const executor: Executor = new Executor(
    {
      ...channelEffects({ store, clock, random, vault, registry, load }),
      ...messageEffects({
        ...{ store, clock },
        channel: (id) => registry.get(id),
        sentFile: (session, id) => files.sent(folderOf(session), id),
      }),
      ...chatEffects({ store, clock, random, terminal, supervisor }),
      ...groupEffects({ store, clock, random, router, supervisor, groupsDir: paths.groups }),
      ...tasks.effects,
      ...mounts.effects,
      ...proof({
        mountsOf: (group) => mounts.of(group.folder),
        ...{ store, paths, clock, random, driver, readers, files, labels, readersGroup: user?.gid ?? null },
        doorTo: (upstream, secret) =>
          new Gateway({
            upstream: () => upstream,
            credential: async () => ({ kind: "api_key", secret }),
            record: () => {},
            log: log.child({ part: "prove" }),
          }),
      }),
      ...careEffects({
        ...{ store, audit, clock, vault, model, driver, supervisor, registry, startedAt },
        version: versionOf(paths.root),
        installation: paths.installation,
        stopHost: () => setImmediate(onStop),
      }),
    },
    store.db,
    audit,
  );

  await model.apply();
  await path.start();
  tasks.scheduler.start();
  const server = await listen(controlApp(executor, log.child({ part: "control" })), paths.controlSocket, log);
  log.info({ pid: process.pid, data: paths.data }, "host is up");

  return {
    async stop() {
      server.close();
      tasks.scheduler.stop();
      await path.stop();
      server.closeAllConnections();
      await practiceServer.stop();
      await readers.close();
      store.db.close();
      lock.release();
      log.info("host is down");
    },
  };
}

function versionOf(root: string): string {
  const file = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
  return file.version;
}

async function main(): Promise<void> {
  const paths = pathsOf();
  const log = fileLog(join(paths.logs, "host.log"), process.env.NANOCLAW_LOG_LEVEL);
  const stop = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => stop.abort());
  try {
    const host = await startHost(paths, log, () => stop.abort());
    if (!stop.signal.aborted)
      await new Promise<void>((resolve) => stop.signal.addEventListener("abort", () => resolve()));
    await host.stop();
    process.exit(0);
  } catch (error) {
    log.error({ error: messageOf(error), stack: (error as Error).stack }, "host could not start");
    process.stderr.write(`${messageOf(error)}\n${error instanceof Misuse ? `${error.hint}\n` : ""}`);
    process.exit(1);
  }
}

if (import.meta.main) await main();
