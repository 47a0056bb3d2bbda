import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { MailboxWriter } from "../../protocol/mailbox/writer.ts";
import type { InboundBody, InboundRow } from "../../protocol/rows.ts";
import { message } from "../../test/support/runner/message.ts";
import { Inbox } from "./inbox.ts";

let folder = "";
before(() => {
  folder = mkdtempSync(join(tmpdir(), "inbox-"));
});
after(() => rmSync(folder, { recursive: true }));

const stop: InboundBody = { kind: "control", action: "stop" };

function mailbox(name: string) {
  const path = join(folder, name);
  const host = MailboxWriter.open(path);
  const rows: InboundRow[] = [];
  const complaints: string[] = [];
  let taken = 0;
  const inbox = new Inbox({
    path,
    onRows: (some) => rows.push(...some),
    onTaken: (n) => {
      taken = n;
    },
    complain: (text) => complaints.push(text),
  });
  return { host, inbox, rows, complaints, taken: () => taken, numbers: () => rows.map(({ n }) => n) };
}

describe("the inbox", () => {
  it("hands over each row once, in order, however many and large they are", async () => {
    const { host, inbox, numbers } = mailbox("many.db");
    for (let first = 1; first <= 400; first += 100) {
      const put = Array.from({ length: 100 }, (_, index) => ({
        n: 2 * (first + index),
        body: message("x".repeat(5000)),
      }));
      host.commit({ put });
      await inbox.look();
    }
    await inbox.look();
    assert.deepEqual(
      numbers(),
      Array.from({ length: 400 }, (_, index) => 2 * (index + 1)),
    );
    const late = mailbox("late.db");
    late.host.commit({ put: [1, 2, 3, 4].map((n) => ({ n: 2 * n, body: message("\u0001".repeat(100_000)) })) });
    await late.inbox.look();
    assert.deepEqual(late.numbers(), [2, 4, 6, 8]);
  });

  it("takes a control row once, and still sees messages of lower numbers that come after it", async () => {
    const { host, inbox, numbers } = mailbox("control.db");
    host.commit({ put: [{ n: 100, body: stop }] });
    await inbox.look();
    host.commit({ put: [{ n: 50, body: message("late") }] });
    await inbox.look();
    host.commit({ put: [{ n: 102, body: message("later") }] });
    await inbox.look();
    assert.deepEqual(numbers(), [100, 50, 102]);
  });

  it("takes each answer once, however many of them overtake a message", async () => {
    const { host, inbox, numbers } = mailbox("answers.db");
    const answers = Array.from({ length: 300 }, (_, index) => 2 * index + 10);
    const body: InboundBody = { kind: "answer", to: 1, ok: true, text: "done" };
    for (const n of answers) host.commit({ put: [{ n, body }] });
    await inbox.look();
    host.commit({ put: [{ n: 4, body: message("late") }] });
    await inbox.look();
    host.commit({ put: [{ n: 1000, body: message("later") }] });
    await inbox.look();
    await inbox.look();
    assert.deepEqual(numbers(), [...answers, 4, 1000]);
  });

  it("makes of a row that it can't read a message that asks for it again", async () => {
    const { host, inbox, rows, complaints } = mailbox("unreadable.db");
    host.commit({
      put: [
        { n: 2, body: { kind: "riddle" } },
        { n: 4, body: message("fine") },
      ],
    });
    await inbox.look();
    assert.deepEqual(
      rows.map(({ n, body }) => [n, body.kind === "message" && body.author]),
      [
        [2, "system"],
        [4, "person"],
      ],
    );
    assert.equal(complaints.length, 1);
  });

  it("looks only at a file that has changed when it just glances", async () => {
    const { host, inbox, numbers, taken } = mailbox("glance.db");
    await inbox.look();
    host.commit({ put: [{ n: 2, body: message("a") }], state: { acked: "7" } });
    inbox.glance();
    assert.deepEqual(numbers(), [2]);
    assert.equal(taken(), 7);
    inbox.glance();
    assert.deepEqual(numbers(), [2]);
  });

  it("waits while the host writes, and for a mailbox that is not there yet", async () => {
    const { inbox, complaints } = mailbox("there.db");
    await inbox.look();
    const nowhere = new Inbox({ path: join(folder, "none.db"), onRows() {}, onTaken() {}, complain() {} });
    await nowhere.look();
    nowhere.glance();
    assert.deepEqual(complaints, []);
  });
});
