import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { escaped, mentions, peopleIn, plainWords } from "./words.ts";

const names = new Map([["U0ANN", "Ann"]]);
const plain = (text: string) => plainWords(text, (id) => names.get(id));

test("Slack's markup becomes what people read", () => {
  const cases: [string, string][] = [
    ["<@U0ANN> and <@U0BEN> and <@U0BEN|ben>", "@Ann and @U0BEN and @ben"],
    ["<#C0ROOM|general> <#C0ROOM> <#C0ROOM|>", "#general #C0ROOM #C0ROOM"],
    ["<!here> <!channel|channel> <!subteam^S0TEAM|@team> <!subteam^S0TEAM>", "@here @channel @team @S0TEAM"],
    ["<!date^1700000000^{date}|yesterday>", "yesterday"],
    ["<https://a.invalid/b?c=d&amp;e>", "https://a.invalid/b?c=d&e"],
    ["<https://a.invalid|here> <https://a.invalid/|a.invalid>", "here (https://a.invalid) https://a.invalid/"],
    ["<mailto:ann@a.invalid|ann@a.invalid> <tel:+123|+123>", "ann@a.invalid +123"],
    ["1 &lt; 2 &amp;&amp; 3 &gt; 2, &amp;lt;", "1 < 2 && 3 > 2, &lt;"],
    ["<> < <what is this>", "<> < <what is this>"],
  ];
  for (const [from, to] of cases) assert.equal(plain(from), to);
});

test("what people typed themselves is no markup, whatever it looks like", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", maxLength: 200 }), (typed) => {
      assert.equal(plain(escaped(typed)), typed);
      assert.deepEqual(peopleIn(escaped(`<@U0ANN>${typed}`)), []);
    }),
  );
});

test("only a mention is one", () => {
  assert.ok(mentions("hi <@U0ANN|ann>", "U0ANN"));
  for (const text of ["hi <@U0ANNA>", "hi @U0ANN", "&lt;@U0ANN&gt;"]) assert.ok(!mentions(text, "U0ANN"), text);
});
