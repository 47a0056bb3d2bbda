/**
 * A host in this process, with a channel that notes when it is asked to send: accepting and sending are then measured
 * on one clock. Containers, mailboxes, gateway, fsync and audit are as in production.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { ControlClient } from "../cli/client.ts";
import type { Channel, ChannelHost } from "../src/channels/channel.ts";
import { TERMINAL_USER } from "../src/channels/terminal.ts";
import { newMessagingGroupId, systemRandom } from "../src/lib/ids.ts";
import { fileLog } from "../src/lib/log.ts";
import { type Paths, pathsOf } from "../src/lib/paths.ts";
import { startHost } from "../src/main.ts";
import type { Timers } from "../src/sessions/machine.ts";
import { openStore } from "../src/store/store.ts";
import { wallClock } from "./stats.ts";

const ROOT = resolve(import.meta.dirname, "..");

export interface Sent {
  chat: string;
  text: string;
  /** Platform ids that it answers. */
  answers: string[];
  /** When `send` was called, by the wall clock. */
  at: number;
}

class BenchChannel implements Channel {
  readonly id = "bench";
  readonly credentials = null;
  readonly capabilities: Channel["capabilities"] = {
    ...{ threads: false, edits: false, reactions: false, buttons: false, files: false, typing: false },
    ...{
      maxLength: 1_000_000,
      markup: "none",
      previews: false,
      idempotency: { kind: "key", validFor: Number.POSITIVE_INFINITY },
    },
  };
  host: ChannelHost | null = null;
  readonly sent: Sent[] = [];
  /** Hears of each message that is sent. */
  onSend: (sent: Sent) => void = () => {};
  #waiters: (() => void)[] = [];

  async start(host: ChannelHost): Promise<void> {
    this.host = host;
  }
  async stop(): Promise<void> {}
  health() {
    return { state: "up" as const, detail: "" };
  }
  async send(...[address, message]: Parameters<Channel["send"]>) {
    const sent = { chat: address.chat, text: message.text, answers: message.answers, at: wallClock() };
    this.sent.push(sent);
    this.onSend(sent);
    for (const wake of this.#waiters.splice(0)) wake();
    return { platformId: `s${this.sent.length}` };
  }
  draft(): void {}

  async until(enough: (sent: Sent[]) => boolean): Promise<void> {
    while (!enough(this.sent)) await new Promise<void>((wake) => this.#waiters.push(wake));
  }
}

export class BenchHost {
  readonly channel = new BenchChannel();
  readonly #dir = mkdtempSync(join(tmpdir(), "nc-bench-"));
  readonly paths: Paths = pathsOf(ROOT, {
    ...process.env,
    NANOCLAW_DATA: join(this.#dir, "data"),
    NANOCLAW_RUN: join(this.#dir, "run"),
    NANOCLAW_IMAGE: "nanoclaw-agent:latest",
    XDG_CONFIG_HOME: join(this.#dir, "config"),
  });
  readonly client = new ControlClient(this.paths.controlSocket);
  #stop: () => Promise<void> = async () => {};
  #said = 0;

  /** @param provider "null" or "claude", for the one agent group, wired to the chats "c0" up to `chats`. */
  async start(
    provider: string,
    chats: number,
    options: { timers?: Timers; maxContainers?: number } = {},
  ): Promise<void> {
    const host = await startHost(this.paths, fileLog(join(this.paths.logs, "host.log")), () => {}, {
      ...options,
      more: [this.channel],
    });
    this.#stop = () => host.stop();
    await this.client.call("groups.init", { folder: "main", name: "Nano", timeZone: "UTC", provider });
    const store = openStore(this.paths.database);
    const [group] = store.groups.agentGroups();
    if (!group) throw new Error("no agent group");
    for (let i = 0; i < chats; i++) {
      const id = newMessagingGroupId(systemRandom);
      store.groups.addMessagingGroup({ id, channel: "bench", chat: `c${i}`, unknownSenderPolicy: "public" });
      store.groups.wire(id, { agentGroup: group.id, engageMode: "always", sessionMode: "shared" });
    }
    store.db.close();
  }

  /** @returns the platform id, and when `accept` was called and when it resolved. */
  async say(chat: string, text: string): Promise<{ id: string; calledAt: number; acceptedAt: number }> {
    this.#said += 1;
    const id = `m${this.#said}`;
    const calledAt = wallClock();
    const acceptance = await this.channel.host?.accept({
      address: { channel: "bench", chat, thread: null },
      platformId: id,
      revision: 0,
      user: TERMINAL_USER,
      userName: "Bench",
      text,
      at: Date.now(),
      ...{ mentioned: true, direct: true, change: "said", files: [] },
    });
    const acceptedAt = wallClock();
    if (acceptance?.status !== "accepted") throw new Error(`not accepted: ${JSON.stringify(acceptance)}`);
    return { id, calledAt, acceptedAt };
  }

  /** Waits for the answer to a message. */
  async answer(id: string): Promise<Sent> {
    await this.channel.until((sent) => sent.some((one) => one.answers.includes(id)));
    const found = this.channel.sent.find((one) => one.answers.includes(id));
    if (!found) throw new Error(`no answer to ${id}`);
    return found;
  }

  containers(): string[] {
    const filter = `label=nanoclaw.installation=${this.paths.installation}`;
    const asked = ["ps", "--filter", filter, "--format", '{{.ID}} {{.Label "nanoclaw.session"}}'];
    const lines = execFileSync("docker", asked, { encoding: "utf8" }).split("\n").filter(Boolean);
    // Without those that look into workspaces (parts/quota).
    return lines.flatMap((line) => (line.endsWith(" measuring") ? [] : [line.split(" ")[0] ?? ""]));
  }

  async stop(): Promise<void> {
    await this.#stop();
    const left = this.containers();
    if (left.length > 0) execFileSync("docker", ["rm", "-f", ...left], { stdio: "ignore" });
    rmSync(this.#dir, { recursive: true, force: true });
  }
}
