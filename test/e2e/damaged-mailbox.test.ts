/** Mailboxes are damaged while nobody uses them, each session's in another way. Only that session notices, and it goes on. */
import assert from "node:assert/strict";
import { globSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { TestHost } from "../support/host.ts";

const DAMAGES: Record<string, (file: string) => void> = {
  "its header flipped": (file) => flip(file, 0, 100),
  "its pages flipped": (file) => flip(file, 100, 60_000),
  "cut in the middle": (file) => truncateSync(file, Math.floor(readFileSync(file).length / 2)),
  "cut to a few bytes": (file) => truncateSync(file, 30),
  "all zeros": (file) => writeFileSync(file, Buffer.alloc(readFileSync(file).length)),
};

function flip(file: string, from: number, to: number): void {
  const bytes = readFileSync(file);
  for (let at = from; at < Math.min(to, bytes.length); at += 3) bytes[at] = (bytes[at] ?? 0) ^ 0xff;
  writeFileSync(file, bytes);
}

for (const mailbox of ["out/outbound.db", "in/inbound.db"]) {
  test(`${mailbox}, damaged in each of ${Object.keys(DAMAGES).length} ways: its session is told or goes on, others go on, and it answers again`, async (t) => {
    const host = await TestHost.start(t);
    await host.init();
    assert.match((await host.ask("before in main")).text, /before in main/);
    const damaged: { damage: string; chat: string; harm(): void }[] = [];
    for (const [damage, harm] of Object.entries(DAMAGES)) {
      const { chat, session } = await host.call("claw.open", {});
      assert.match((await host.ask("before", chat)).text, /before/);
      const [file] = globSync(join(host.paths.sessions, "*", session, mailbox));
      assert.ok(file, "the mailbox is where it was looked for");
      damaged.push({ damage, chat, harm: () => harm(file) });
    }
    await host.kill("SIGTERM");
    for (const { harm } of damaged) harm();
    await host.up();
    const said = await Promise.all(damaged.map(({ chat }) => host.say("after the damage", chat)));
    assert.match((await host.answer(await host.say("after in main"), "main", 15_000)).text, /after in main/);
    for (const [at, { damage, chat }] of damaged.entries()) {
      const end = await host.answer(said[at] as number, chat);
      assert.notEqual(end.text, "", `${damage}: an end that says something`);
      assert.match((await host.ask("and once more", chat)).text, /and once more/, damage);
      const heard = await host.follow((all) => all.some(({ text }) => text.includes("once more")), chat);
      assert.ok(heard.filter(({ text }) => text === "echo: after the damage").length <= 1, `${damage}: said twice`);
    }
    assert.equal((await host.call("audit.verify", {})).ok, true);
  });
}
