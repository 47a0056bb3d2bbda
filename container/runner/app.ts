/**
 * Builds a runner from its parts and connects them: inbox -> turns -> effects -> journal and agent, and the agent's
 * events back into turns. Effects are done one after another, in the order in which they were decided.
 */
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { prettifyError } from "zod";
import { type RunnerConfig, runnerConfig } from "../../protocol/config.ts";
import { exitCode } from "../../protocol/exit-code.ts";
import { MailboxWriter } from "../../protocol/mailbox/writer.ts";
import { Agent } from "./agent.ts";
import { Bell } from "./bell.ts";
import { Fatal } from "./fatal.ts";
import { HostVerbs } from "./host-verbs.ts";
import { Inbox } from "./inbox.ts";
import { Journal } from "./journal.ts";
import { Liveness } from "./liveness.ts";
import { explainFrame, type NumberedMessage, renderPrompt } from "./prompt.ts";
import { openProvider } from "./providers/index.ts";
import { startProxyRelay, startRelay } from "./relay.ts";
import { runScript } from "./script.ts";
import { type Effect, type Failure, Turns } from "./turns.ts";
import { upload } from "./upload.ts";

/** How often the net under the bell looks whether the inbound mailbox has changed, in milliseconds. */
const GLANCE = 5000;
/** How long the agent may take to let go of a turn that was broken off, in milliseconds. */
const LETTING_GO = 15_000;

/** The places that a runner uses (see protocol/layout.ts). */
export type Layout = Record<
  "inboundDb" | "outboundDb" | "socket" | "config" | "instructions" | "providerState" | "workspace",
  string
> & { proxyPort: number };

export interface Runner {
  /** Resolves when the runner can't go on by itself. */
  readonly failed: Promise<Fatal>;
  /** Ends the agent and lets go of the mailbox. A running turn is left as it is: the host takes it up again. */
  stop(): Promise<void>;
}

/** Starts a runner. Throws Fatal where it can't work at all. */
export async function startRunner(layout: Layout, lettingGo = LETTING_GO): Promise<Runner> {
  const { config, instructions } = readConfig(layout);
  const relay = await startRelay(layout.socket).catch((error: unknown) => {
    throw new Fatal(exitCode.relay, "the relay can't listen on 127.0.0.1", error);
  });
  const proxy = await startProxyRelay(layout.socket, layout.proxyPort).catch((error: unknown) => {
    throw new Fatal(exitCode.relay, `the proxy can't listen on port ${layout.proxyPort} of 127.0.0.1`, error);
  });
  const { promise: failed, resolve: fail } = Promise.withResolvers<Fatal>();

  const writer = openWriter(layout.outboundDb);
  const lastNumber = Math.max(config.outboundCursor, writer.lastNumber());
  const turns = new Turns({ lastNumber, provider: config.provider, continuation: config.continuation });
  const agent = new Agent(
    (emit) =>
      openProvider(config.provider, {
        instructions: `${instructions}\n\n${explainFrame(config.timeZone)}`,
        model: config.model,
        mcpServers: config.mcpServers,
        tools: config.tools.map((tool) => verbs.tool(tool)),
        continuation: turns.continuation,
        relayUrl: relay.url,
        workspace: layout.workspace,
        stateDir: layout.providerState,
        modelRetries: config.modelRetries,
        emit,
      }),
    (event) => {
      perform(turns.event(event));
      liveness.hear(event);
    },
  );
  const liveness = new Liveness({
    budgets: config.budgets,
    beat: () => perform(turns.beat()),
    over: (failure) => breakOff(failure),
  });
  const verbs = new HostVerbs({
    ask(turn, verb, args) {
      const asked = turn === turns.running ? turns.verb(verb, args) : null;
      if (asked) perform(asked.effects);
      return asked?.n ?? null;
    },
    upload: (path, signal) => upload(path, layout, signal),
  });
  // The agent's process takes longest to come up, so it is started before the mailbox is read.
  agent.warm();

  const bell = new Bell(layout.socket, () => void inbox.look());
  const journal = new Journal({
    writer,
    taken: config.outboundCursor,
    ring: () => bell.ring(),
    failed: (error) => fail(new Fatal(exitCode.outbox, "the outbound mailbox can't be written", error)),
  });
  const inbox = new Inbox({
    path: layout.inboundDb,
    onRows(rows) {
      verbs.answers(rows);
      perform(turns.rows(rows));
    },
    onTaken: (n) => journal.taken(n),
    complain: (text) => process.stderr.write(`${text.slice(0, 500)}\n`),
  });

  /** The messages that the agent is to hear, those with a script together with what it printed. */
  async function withScripts(messages: NumberedMessage[]): Promise<NumberedMessage[]> {
    const heard: NumberedMessage[] = [];
    for (const { n, message } of messages) {
      if (message.script === null) {
        heard.push({ n, message });
        continue;
      }
      stopScripts = new AbortController();
      const { wake, output } = await runScript(message.script, layout.workspace, stopScripts.signal);
      const text = `${message.text}\n\nIts script printed:\n${output || "(nothing)"}`;
      if (wake) heard.push({ n, message: { ...message, text } });
    }
    return heard;
  }

  let stopScripts = new AbortController();
  let tail = Promise.resolve();
  function perform(effects: Effect[]): void {
    if (effects.some((effect) => effect.do === "interrupt")) stopScripts.abort();
    for (const effect of effects) tail = tail.then(() => doEffect(effect));
    liveness.follow(turns.running);
    verbs.follow(turns.running);
  }
  function breakOff(failure: Failure): void {
    perform(turns.breakOff(failure));
    const stuck = setTimeout(async () => {
      await tail;
      await journal.flush();
      fail(new Fatal(exitCode.stuck, `the agent did not let go of a turn that was ended: ${failure.message}`));
    }, lettingGo);
    void agent.abandon(tail).then(() => {
      clearTimeout(stuck);
      agent.warm();
      perform(turns.letGo());
    });
  }
  async function doEffect(effect: Effect): Promise<void> {
    switch (effect.do) {
      case "write":
        journal.add(effect.rows, effect.clear);
        void journal.flush();
        return;
      case "progress":
        return journal.progress(effect.progress);
      case "send": {
        await journal.flush();
        const messages = await withScripts(effect.messages);
        if (messages.length === 0) {
          const { prompt } = effect;
          perform(turns.event({ type: "taken", prompt }));
          const type = stopScripts.signal.aborted ? "stopped" : "end";
          perform(turns.event({ type, text: "", usage: null }));
          return;
        }
        const code = randomBytes(6).toString("hex");
        return agent.send(effect.prompt, renderPrompt(messages, { timeZone: config.timeZone, code }));
      }
      case "interrupt":
        return agent.interrupt();
      case "rest":
        void agent.close();
        return;
    }
  }

  const net = setInterval(() => inbox.glance(), GLANCE);
  void inbox.look();
  return {
    failed,
    async stop() {
      clearInterval(net);
      liveness.follow(null);
      bell.close();
      journal.close();
      relay.close();
      proxy.close();
      await agent.close();
    },
  };
}

function readConfig(layout: Layout): { config: RunnerConfig; instructions: string } {
  try {
    const config = runnerConfig.safeParse(JSON.parse(readFileSync(layout.config, "utf8")));
    if (!config.success) throw new Error(prettifyError(config.error));
    return { config: config.data, instructions: readFileSync(layout.instructions, "utf8") };
  } catch (error) {
    throw new Fatal(exitCode.config, `${layout.config} or ${layout.instructions} is not right`, error);
  }
}

function openWriter(path: string): MailboxWriter {
  try {
    return MailboxWriter.open(path);
  } catch (error) {
    throw new Fatal(exitCode.outbox, `${path} can't be opened`, error);
  }
}
