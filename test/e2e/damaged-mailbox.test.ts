/** A session's mailbox is damaged while nobody uses it. Only that session notices, and it goes on. */
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
  for (const [damage, harm] of Object.entries(DAMAGES)) {
    test(`${mailbox} with ${damage}: its session is told or goes on at once, others go on, and it answers again`, async (t) => {
      const host = await TestHost.start(t);
      await host.init();
      const { chat, session } = await host.call("claw.open", {});
      assert.match((await host.ask("before", chat)).text, /before/);
      assert.match((await host.ask("before in main")).text, /before in main/);
      await host.kill("SIGTERM");
      const [file] = globSync(join(host.paths.sessions, "*", session, mailbox));
      assert.ok(file, "the mailbox is where it was looked for");
      harm(file);
      await host.up();
      const [damaged, other] = await Promise.all([host.say("after the damage", chat), host.say("after in main")]);
      assert.match((await host.answer(other, "main", 15_000)).text, /after in main/);
      const end = await host.answer(damaged, chat, 60_000);
      assert.notEqual(end.text, "", "an end that says something");
      assert.match((await host.ask("and once more", chat, 60_000)).text, /and once more/);
      const heard = await host.follow((all) => all.some(({ text }) => text.includes("once more")), chat);
      assert.equal(heard.filter(({ text }) => text === "echo: after the damage").length <= 1, true);
      assert.equal((await host.call("audit.verify", {})).ok, true);
    });
  }
}
