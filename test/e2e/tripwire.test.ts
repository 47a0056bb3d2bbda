/** A placeholder that an agent says does not leave: a real container, whose agent repeats what it hears. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { TestHost } from "../support/host.ts";

test("an agent that repeats a placeholder is cut short, and owner and audit log hear of it", async (t) => {
  const host = await TestHost.start(t);
  await host.init();
  const placeholder = `ncph_${"abcdefgh234567".repeat(2).slice(0, 26)}`;
  const answer = await host.ask(`say ${placeholder} again`);
  assert.match(answer.text, /say \[a credential's placeholder was removed here\] again/);
  const told = await host.follow((all) =>
    all.some(({ author, text }) => author === "system" && /put the placeholder/.test(text)),
  );
  // What the person wrote themselves stays as it is.
  for (const { author, text } of told) assert.equal(author !== "person" && text.includes(placeholder), false);
  const records = await host.call("audit.list", { limit: 1000 });
  assert.deepEqual(
    records.filter(({ verb }) => verb === "credential.leak").map(({ resource, decision }) => [resource, decision]),
    [["credential:unknown", "deny"]],
  );
  assert.equal(JSON.stringify(records).includes(placeholder), false);
  assert.equal(host.logTail().includes(placeholder), false);
});
