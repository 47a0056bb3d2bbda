/** The composition root: builds the parts, hands each what it needs, starts them in order and stops them in reverse. */
import { mkdirSync, readFileSync } from "node:fs";
import { flushCompileCache } from "node:module";
import { join } from "node:path";
import { DockerDriver } from "../drivers/docker/driver.ts";
import { checkCredential } from "../drivers/door/credential-check.ts";
import { Gateway } from "../drivers/door/gateway.ts";
import { providerRequest } from "../drivers/door/provider-request.ts";
import { DiskFiles } from "../drivers/files/files.ts";
import { ModelServer } from "../drivers/model-server/model-server.ts";
import { ReaderPool } from "../drivers/readers/reader-pool.ts";
import { TerminalChannel } from "../drivers/terminal/terminal.ts";
import { SealedVault } from "../drivers/vault/vault.ts";
import { approvalsPart } from "../parts/approvals/index.ts";
import { auditBook } from "../parts/audit/index.ts";
import { settleRestored } from "../parts/backups/index.ts";
import { careEffects } from "../parts/care/index.ts";
import { channelsPart } from "../parts/channels/index.ts";
import { chatEffects } from "../parts/chats/index.ts";
import { chatCommands } from "../parts/commands/index.ts";
import { conversationEffects } from "../parts/conversations/index.ts";
import { credentials } from "../parts/credentials/index.ts";
import { type EgressPart, egressRules, requestCredentials } from "../parts/egress/index.ts";
import { groupEffects } from "../parts/groups/index.ts";
import { flowGuard } from "../parts/guard/index.ts";
import { messageEffects } from "../parts/messages/index.ts";
import { metering } from "../parts/meter/index.ts";
import { extraMounts } from "../parts/mounts/index.ts";
import { agentPackages } from "../parts/packages/index.ts";
import { peopleEffects } from "../parts/people/index.ts";
import { proof } from "../parts/prove/index.ts";
import { workspaceQuota } from "../parts/quota/index.ts";
import { type Rooms, rooms } from "../parts/rooms/index.ts";
import { type ScheduledTasksParts, scheduledTasks } from "../parts/tasks/index.ts";
import { MailboxWriter } from "../protocol/mailbox/writer.ts";
import { tellOwner } from "./access/owner.ts";
import { Audit } from "./audit/audit.ts";
import type { Channel } from "./channels/channel.ts";
import { channelLoader } from "./channels/load.ts";
import { agentOfChat } from "./channels/terminal.ts";
import { agentTools, carryOutFor } from "./control/agent-tools.ts";
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

interface HostOptions {
  /** Channels beside the terminal that are always there. */
  more?: Channel[];
  /** How long each state of a session may last. */
  timers?: Timers;
  /** How many containers may run at once. */
  maxContainers?: number;
}

export interface Host {
  stop(): Promise<void>;
}

/**
 * Starts a host on the data folder of `paths`.
 * @param onStop called when someone asks the host to stop
 * @throws Misuse with a next step where that can't be
 */
export async function startHost(
  paths: Paths,
  log: Log,
  onStop: () => void,
  { more = [], timers = defaultTimers, maxContainers = MAX_CONTAINERS }: HostOptions = {},
): Promise<Host> {
  mkdirSync(paths.data, { recursive: true, mode: 0o700 });
  mkdirSync(paths.run, { recursive: true, mode: 0o711 });
  const lock = takeLock(join(paths.data, "host.lock"));
  const clock = systemClock;
  const random = systemRandom;
  const startedAt = clock.now();
  const store = openStore(paths.database);
  const audit = new Audit(store.db, clock);
  settleRestored({ store, audit, clock, log: log.child({ part: "backups" }), data: paths.data });
  const book = auditBook({ store, audit, clock, config: paths.config, log: log.child({ part: "audit" }) });
  const vault = new SealedVault(store.db, paths.vaultKey, {
    ask: providerRequest(),
    onTrouble: (name, why) => tellOwner(store, `credential:${name}`, why, null, clock.now()),
  });
  const { guard, effects: guardEffects } = flowGuard({
    ...{ store, audit, clock },
    trusts: (group, url) => egress.egress.trusts(group, url),
  });

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
  const metered = metering({
    ...{ store, clock, random, log: log.child({ part: "meter" }) },
    dismiss: (session) => supervisor.dismiss(session),
  });
  const { approvals, effects: approvalEffects } = approvalsPart({
    ...{ store, audit, clock, log: log.child({ part: "approvals" }) },
    edits: (id) => path.registry.get(id)?.edit !== undefined,
  });
  const egress: EgressPart = egressRules({
    ...{ store, audit, clock, approvals, guard, credentials: requestCredentials(vault) },
    model: () => reachOfModel(model.current()),
    log: log.child({ part: "egress" }),
  });
  const gateway = new Gateway({
    meter: metered.meter,
    upstream: () => model.upstream(),
    credential: (name) => vault.forModel(name),
    intend: (request) => book.requests.intend(request),
    record: (outcome) => book.requests.record(outcome),
    network: { egress: egress.egress, keysDir: paths.config },
    log: log.child({ part: "gateway" }),
  });

  const driver = new DockerDriver();
  const user = process.getuid?.() === 0 ? READER : null;
  const readers = new ReaderPool({ sessionsDir: paths.sessions, user, log: log.child({ part: "readers" }) });
  const mounts = extraMounts({ store, clock, paths, log: log.child({ part: "mounts" }) });
  const packages = agentPackages({
    ...{ store, clock, paths, log: log.child({ part: "packages" }) },
    dismiss: (those) => supervisor.dismissAll(those),
  });
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
  const keeping = credentials({
    ...{ store, audit, clock, random, vault, model, keyFile: paths.vaultKey },
    ...{ router: () => path.router, supervisor: () => path.supervisor },
  });
  const terminal = new TerminalChannel(store.db, clock, (chat) => agentOfChat(store, chat));
  const boxes: ScheduledTasksParts["containers"] = {
    ...{ driver, labels, sessionsDir: paths.sessions, groupsDir: paths.groups, runDir: join(paths.run, "s") },
    specOf: (plan) => {
      const extra = plan.errand ? [] : mounts.of(plan.group.folder);
      for (const { target } of extra) guard.sawPrivate(plan.session.id, { kind: "mount", name: target });
      const [environment, image] = [egress.egress.environment(plan.session), packages.imageFor(plan)];
      return containerSpec(plan, paths, labels, { image, environment, extraMounts: extra });
    },
  };
  const quota = workspaceQuota({
    ...{ store, audit, clock, random, containers: boxes, router: () => path.router },
    log: log.child({ part: "quota" }),
  });
  const { containers } = quota;
  const adding = channelsPart({ store, audit, clock, random, vault, load, registry: () => path.registry });
  const path: MessagePath = messagePath({
    readersGroup: user?.gid ?? null,
    ...{ ...containers, store, audit, clock, random, log, guard, readers, more, door: gateway, timers },
    openMailbox: (file) => MailboxWriter.open(file),
    maxContainers,
    ...{ terminal, files, load, tools: agentTools, carryOut: carryOutFor(store, () => executor) },
    tripwire: keeping.tripwire,
    credentials: adding.credentials,
    added: adding.added,
    commands: chatCommands({ store, executor: () => executor }),
    ...{ approvals, hold: (event, room) => meeting.hold(event, room), pair: adding.pair },
  });
  const { registry, router, supervisor } = path;
  const { groups: groupsDir } = paths;
  const meeting: Rooms = rooms({ store, clock, random, approvals, registry, router, groupsDir });
  const tasks = scheduledTasks({
    ...{ store, audit, clock, random, router, supervisor, containers },
    log: log.child({ part: "tasks" }),
  });

  const executor: Executor = new Executor(
    {
      ...adding.effects,
      ...messageEffects({
        ...{ store, clock },
        channel: (id) => registry.get(id),
        sentFile: (session, id) => files.sent(folderOf(session), id),
      }),
      ...chatEffects({ store, clock, random, terminal, supervisor }),
      ...groupEffects({ store, clock, random, router, supervisor, groupsDir }),
      ...conversationEffects({ store, supervisor: () => supervisor }),
      ...peopleEffects({ store, clock }),
      ...tasks.effects,
      ...metered.effects,
      ...book.effects,
      ...keeping.effects,
      ...guardEffects,
      ...approvalEffects,
      ...meeting.effects,
      ...egress.effects,
      ...mounts.effects,
      ...quota.effects,
      ...packages.effects,
      ...proof({
        mountsOf: (group) => mounts.of(group.folder),
        imageOf: packages.imageOf,
        ...{ store, paths, clock, random, driver, readers, files, labels, readersGroup: user?.gid ?? null },
        doorTo: (upstream, secret, rules) =>
          new Gateway({
            network: { egress: rules, keysDir: paths.config },
            upstream: () => upstream,
            credential: async () => ({ kind: "api_key", secret }),
            intend: async () => null,
            record: () => {},
            meter: { ask: () => ({ allow: true, id: 0 }), goesOn: () => true, ended: () => {} },
            log: log.child({ part: "prove" }),
          }),
      }),
      ...careEffects({
        ...{ store, model, driver, supervisor, registry, startedAt, today: metered.today },
        version: versionOf(paths.root),
        installation: paths.installation,
        stopHost: () => setImmediate(onStop),
      }),
    },
    store,
    audit,
  );

  book.start();
  // Without its model server, which is tried again by itself, whoever writes is told that the model can't be reached.
  await model.apply().catch((error: unknown) => log.error({ error: messageOf(error) }, "no practice model yet"));
  await path.start();
  approvals.start();
  tasks.start();
  packages.start();
  const server = await listen(controlApp(executor, log.child({ part: "control" })), paths.controlSocket, log);
  log.info({ pid: process.pid, data: paths.data }, "host is up");

  return {
    async stop() {
      server.close();
      const cleared = tasks.stop();
      approvals.stop();
      await quota.stop();
      await path.stop();
      await cleared;
      egress.stop();
      server.closeAllConnections();
      await Promise.all([practiceServer.stop(), packages.stop()]);
      await readers.close();
      book.stop();
      store.db.close();
      lock.release();
      log.info("host is down");
    },
  };
}

/** As `ncl reach` tells the way that is always there. */
function reachOfModel({ model, address }: { model: string; address: string }) {
  const what = `requests to the model${model === "practice" ? "" : `, with the key ${anthropicBundle.credential}`}`;
  const host = address.startsWith("unix:") ? "this machine" : address.replace(/^https:\/\//, "");
  return { host, what, how: "allowed", from: "built in" };
}

function versionOf(root: string): string {
  const file = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
  return file.version;
}

/** Runs a host in this process until it is told to stop, and ends the process. */
export async function main(options: (paths: Paths) => HostOptions = () => ({})): Promise<void> {
  const paths = pathsOf();
  const log = fileLog(join(paths.logs, "host.log"), process.env.NANOCLAW_LOG_LEVEL);
  const stop = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => stop.abort());
  try {
    const host = await startHost(paths, log, () => stop.abort(), options(paths));
    // For the next start, however this process ends.
    flushCompileCache();
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
