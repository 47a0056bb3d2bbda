/**
 * Attacks by way of the mailbox: rows that claim what is not so, bytes that are no mailbox. Arguments: the
 * attack's name and its settings. What came of it is judged by the host; here is only told what was written.
 */
import * as fs from "node:fs";
import { request } from "node:http";
import { inside } from "../../protocol/layout.ts";
import { MailboxWriter } from "../../protocol/mailbox/writer.ts";
import { FILES_PREFIX } from "../../protocol/session-socket.ts";
import { forgedJournal, hostileFiles, validMailbox } from "./hostile-bytes.ts";

interface Settings {
  /** A message that waits for this session, and one that only another session has. */
  mine: number;
  other: number;
  /** A file of the host that must not be touched. */
  bait: string;
  marker: string;
}

const attack = process.argv[2] ?? "";
const { mine, other, bait, marker } = JSON.parse(process.argv[3] ?? "{}") as Settings;

type Body = { kind: string };
const started = (inbound: number[]) => ({ kind: "turn_started", inbound });
const ended = (turn: number, text: string, acknowledges: number[]) => ({
  kind: "turn_ended",
  turn,
  outcome: { status: "done", text },
  acknowledges,
  continuation: null,
  usage: null,
});
const verb = (turn: number, name: string, args: object) => ({ kind: "verb", turn, verb: name, args });

/** Rows as a runner would write them, in one commit. */
function commit(rows: [n: number, body: Body][]): void {
  const writer = MailboxWriter.open(inside.outboundDb);
  writer.commit({ put: rows.map(([n, body]) => ({ n, body })) });
  writer.close();
}

function write(path: string, bytes: Buffer): void {
  fs.truncateSync(path, 0);
  const file = fs.openSync(path, "r+");
  fs.writeSync(file, bytes, 0, bytes.length, 0);
  fs.closeSync(file);
}

/** Lets the host take what is there now. */
function look(): Promise<void> {
  return new Promise((resolve, reject) => {
    const path = `${FILES_PREFIX}look`;
    const sent = request({ socketPath: inside.socket, path, method: "PUT", agent: false }, (answer) =>
      answer.resume().once("end", resolve),
    );
    sent.once("error", reject);
    sent.end("now");
  });
}

const scratch = "/tmp/scratch.db";
const crafted = (name: string) => () => {
  const file = hostileFiles(scratch)[name];
  if (!file) throw new Error(`no bytes "${name}"`);
  write(inside.outboundDb, file.bytes);
};

const attacks: Record<string, () => void | Promise<void>> = {
  "other-session": () => commit([[1, started([other])]]),
  "never-said": () => commit([[1, started([999_998])]]),
  "turn-in-turn": () =>
    commit([
      [1, started([mine])],
      [3, started([mine + 2])],
    ]),
  "foreign-end": () => commit([[1, ended(999, marker, [mine])]]),
  "foreign-tool": () =>
    commit([[1, { kind: "tool_started", turn: 999, call: "c", name: marker, summary: "" } as Body]]),
  "foreign-tool-end": () =>
    commit([
      [1, started([mine])],
      [3, { kind: "tool_ended", turn: 999, call: "c", ok: true } as Body],
    ]),
  "foreign-feed": () => commit([[1, { kind: "turn_fed", turn: 999, inbound: [mine] } as Body]]),
  "host-number": () => commit([[2, started([mine])]]),
  "second-end": async () => {
    commit([
      [1, started([mine])],
      [3, ended(1, "first", [mine])],
    ]);
    await look();
    commit([[5, ended(1, marker, [mine])]]);
  },
  replay: async () => {
    commit([
      [1, started([mine])],
      [3, ended(1, "first", [mine])],
    ]);
    await look();
    commit([
      [1, started([mine + 2])],
      [3, ended(1, marker, [mine + 2])],
    ]);
  },
  "owners-verb": () =>
    commit([
      [1, started([mine])],
      [3, verb(1, "groups.set", { folder: "main", name: marker })],
    ]),
  "vault-verb": () =>
    commit([
      [1, started([mine])],
      [3, verb(1, "credentials.list", {})],
    ]),
  "stop-verb": () =>
    commit([
      [1, started([mine])],
      [3, verb(1, "host.stop", {})],
    ]),
  "inherited-verb": () =>
    commit([
      [1, started([mine])],
      [3, verb(1, "constructor.name", {})],
    ]),
  "other-group": () =>
    commit([
      [1, started([mine])],
      [3, verb(1, "tasks.add", { group: "victim", chat: "terminal:victim", prompt: marker, name: "x", every: "1h" })],
    ]),
  "verbs-without-end": () =>
    commit([
      [1, started([mine])],
      ...Array.from({ length: 1_100 }, (_, count): [number, Body] => [3 + count * 2, verb(1, "tasks.list", {})]),
    ]),
  "others-message-done": () =>
    commit([
      [1, started([mine])],
      [3, ended(1, "x", [mine, mine + 2, other])],
    ]),
  "system-card": () =>
    commit([
      [1, started([mine])],
      [3, { ...ended(1, marker, [mine]), author: "system", channel: "terminal" } as Body],
    ]),
  "other-chat": () =>
    commit([
      [1, started([mine])],
      [3, { ...ended(1, marker, [mine]), chat: "victim", sessionId: "victim" } as Body],
    ]),
  "unknown-kind": () => commit([[1, { kind: "grant_owner", user: marker } as Body]]),
  "long-text": () =>
    commit([
      [1, started([mine])],
      [3, ended(1, marker + "x".repeat(300_000), [mine])],
    ]),
  "long-continuation": () =>
    commit([
      [1, started([mine])],
      [3, { ...ended(1, marker, [mine]), continuation: { provider: "null", value: "x".repeat(50_000) } } as Body],
    ]),
  "recursive-view": crafted("an endless recursive view"),
  "cyclic-tree": crafted("a cyclic tree of state"),
  "wal-mode": crafted("WAL mode"),
  "super-journal": () => {
    const valid = validMailbox(scratch);
    write(inside.outboundDb, valid);
    write(inside.outboundJournal, forgedJournal(valid, bait));
  },
};

const act = attacks[attack];
if (!act) throw new Error(`no attack "${attack}"`);
await act();
process.stdout.write(`${JSON.stringify({ harm: false, said: "written" })}\n`);
process.exit(0);
