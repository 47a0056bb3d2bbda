/**
 * What runs in the container of an honest session: commits batches at full rate or with a gap, prunes what the host has
 * taken, follows the host's rows, and says in its state how far it got and what was wrong. Argument: gap in milliseconds.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { inside } from "../../../protocol/layout.ts";
import { readMailbox } from "../../../protocol/mailbox/read.ts";
import { changeCounter } from "../../../protocol/mailbox/snapshot.ts";
import { MailboxWriter } from "../../../protocol/mailbox/writer.ts";
import { inboundBody } from "../../../protocol/rows.ts";
import { Follower, inboundOf, outboundOf } from "./agreed-rows.ts";

/** Rows that the host has not taken yet, at most: they keep the file at some 100 kB. */
const WINDOW = 200;
const gap = Number(process.argv[2]);
const inbound = { db: inside.inboundDb, journal: `${inside.inboundDb}-journal` };
const writer = MailboxWriter.open(inside.outboundDb);
const own = readMailbox(
  { db: inside.outboundDb, journal: inside.outboundJournal },
  { after: 0, limit: 0, schema: inboundBody, attempts: 1 },
);
if (own.status !== "ok") throw new Error(`its own mailbox: ${JSON.stringify(own)}`);
let last = Number(own.state.last ?? -1);
let acked = Number(own.state.pruned ?? 0);
let seenCounter: number | null = null;
const follower = new Follower(inboundOf, Number(own.state.seen ?? 0));

function follow(): void {
  const counter = changeCounter(inbound.db);
  if (counter === seenCounter) return;
  const read = readMailbox(inbound, { after: follower.last, limit: 128, schema: inboundBody, attempts: 20 });
  if (read.status === "invalid") follower.faults.push(read.why);
  if (read.status !== "ok") return;
  follower.take(read);
  acked = Number(read.state.acked ?? acked);
  seenCounter = read.more ? null : read.changeCounter;
}

for (let batch = 1; ; batch += 1) {
  follow();
  while (last - acked > 2 * WINDOW) {
    await sleep(0.2);
    follow();
  }
  const put = Array.from({ length: 1 + (batch % 5) }, () => {
    last += 2;
    return { n: last, body: outboundOf(last) };
  });
  const state = { last: `${last}`, seen: `${follower.last}`, pruned: `${acked}`, faults: follower.faults.join("; ") };
  writer.commit({ put, remove: { upTo: acked }, state });
  if (gap > 0) await sleep(gap);
}
