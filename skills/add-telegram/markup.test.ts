import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { toHtml } from "./markup.ts";
import { visibleText } from "./testing/html.ts";

const cases: Record<string, [markdown: string, html: string]> = {
  "bold, italic, struck": ["**a** and *b* and _c_ and ~~d~~", "<b>a</b> and <i>b</i> and <i>c</i> and <s>d</s>"],
  nested: ["**a *b* c**", "<b>a <i>b</i> c</b>"],
  "both at once": ["***a***", "<b><i>a</i></b>"],
  "code keeps what it holds": ["`a < *b*`", "<code>a &lt; *b*</code>"],
  "a code block with its language": [
    "x\n```ts\nif (a < b) {}\n```\ny",
    'x\n<pre><code class="language-ts">if (a &lt; b) {}</code></pre>\ny',
  ],
  "a code block that never ends": ["```\na", "<pre>a</pre>"],
  "marks inside a code block": ["```\n**a** `b`\n```", "<pre>**a** `b`</pre>"],
  links: ["[a *b*](https://a.example/x_(y)?a=1&b=2)", '<a href="https://a.example/x_(y)?a=1&amp;b=2">a <i>b</i></a>'],
  "a link to something that can't be opened": ["[a](file:///etc/x)", "[a](file:///etc/x)"],
  headings: ["## Title ##\ntext", "<b>Title</b>\ntext"],
  lists: ["- a\n  * b\n1. c", "• a\n  • b\n1. c"],
  quotations: ["> a\n> b\nc", "<blockquote>a\nb</blockquote>\nc"],
  "names with underscores": ["snake_case_name and __init__", "snake_case_name and <b>init</b>"],
  arithmetic: ["2 * 3 * 4 < 5 & x", "2 * 3 * 4 &lt; 5 &amp; x"],
  "escaped marks": ["\\*a\\* \\_b\\_", "*a* _b_"],
  "marks that never close": ["**a *b `c", "**a *b `c"],
  "HTML is text": ["<b>a</b>", "&lt;b&gt;a&lt;/b&gt;"],
};

for (const [what, [markdown, html]] of Object.entries(cases)) {
  test(`markup: ${what}`, () => assert.equal(toHtml(markdown), html));
}

test("the host's notices are in italics outside of code blocks", () => {
  assert.equal(toHtml("a `b`\n```\nc\n```", "i"), "<i>a <code>b</code>\n</i><pre>c</pre>");
});

test("whatever is written, the tags fit together and nothing becomes longer", () => {
  const piece = fc.oneof(
    fc.constantFrom(
      "*",
      "**",
      "***",
      "_",
      "__",
      "~~",
      "`",
      "``",
      "```",
      "\n",
      "[",
      "](",
      ")",
      "https://a.example",
      "# ",
      "> ",
      "- ",
      "\\",
      "<",
      "&",
      '"',
    ),
    fc.constantFrom("a", " ", "word", "😀", "é"),
    fc.string({ maxLength: 4 }),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), fc.constantFrom(null, "i"), (pieces, all) => {
      const markdown = pieces.join("");
      const seen = visibleText(toHtml(markdown, all));
      assert.ok(seen.length <= markdown.length, `${JSON.stringify(markdown)} became ${JSON.stringify(seen)}`);
    }),
    { numRuns: 2000 },
  );
});

test("a text of nothing but marks is read in no time", () => {
  const began = performance.now();
  for (const mark of ["*", "**a", "_a ", "`", "[", "[a](", "~~a", "> ", "***a"])
    toHtml(mark.repeat(4000 / mark.length));
  assert.ok(performance.now() - began < 3_000);
});
