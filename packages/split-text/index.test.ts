import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { splitText } from "./index.ts";

const FENCE = /^[ \t>]*(?:(?:[-*+]|\d{1,9}[.)])[ \t])*[ \t]*(`{3,}(?=[^`]*$)|~{3,})/;
const bare = (text: string) => text.replace(/\s+/g, "");
const lone = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;

/** Whether every code block that is opened is closed. */
function balanced(text: string): boolean {
  let marker = "";
  for (const line of text.split("\n")) {
    const found = FENCE.exec(line)?.[1] ?? "";
    if (marker === "") marker = found;
    else if (found.length >= marker.length && found[0] === marker[0] && /^[ \t>]*[`~]+[ \t]*$/.test(line)) marker = "";
  }
  return marker === "";
}
const withoutFences = (text: string) =>
  bare(
    text
      .split("\n")
      .filter((line) => !FENCE.test(line))
      .join("\n"),
  );

const word = fc.constantFrom(
  "and",
  "the",
  "`code span`",
  "[a link](https://example.com/x)",
  "Well.",
  "你好。",
  "👩‍👩‍👧‍👦",
  "é",
  "x",
);
const line = fc.array(word, { minLength: 1, maxLength: 12 }).map((words) => words.join(" "));
const lines = fc.array(line, { minLength: 1, maxLength: 6 });
const codeBlock = fc
  .tuple(
    fc.constantFrom("```", "~~~", "````"),
    fc.constantFrom("", "js", "python"),
    fc.constantFrom("", "  ", "> "),
    lines,
  )
  .map(([fence, info, indent, code]) =>
    [fence + info, ...code, "", ...code, fence].map((one) => indent + one).join("\n"),
  );
const prose = [
  lines.map((all) => all.join("\n")),
  line.map((one) => `# ${one}`),
  lines.map((all) => all.map((one) => `- ${one}`).join("\n")),
  lines.map((all) => all.map((one, index) => `${index + 1}. ${one}\n   - ${one}`).join("\n")),
  lines.map((all) => ["| a |", "|---|", ...all.map((one) => `| ${one} |`)].join("\n")),
];
const documentOf = (...blocks: fc.Arbitrary<string>[]) =>
  fc.array(fc.oneof(...blocks), { minLength: 1, maxLength: 12 }).map((all) => all.join("\n\n"));
const codeInList = fc.tuple(line, codeBlock).map(([one, code]) => `- ${one}\n${code.replace(/^/gm, "  ")}`);
const markdown = documentOf(...prose, codeBlock, codeInList);
const noise = fc.string({ unit: fc.constantFrom(..."ab `~\n-#|>[]().!\r1é\u0301👍🇩🇪", "\u200d"), maxLength: 1500 });
const limit = fc.integer({ min: 64, max: 400 });

test("property: parts fit, are never blank, and lose or repeat nothing but the lines around code", () => {
  fc.assert(
    fc.property(markdown, limit, (text, max) => {
      const parts = splitText(text, max);
      for (const part of parts) assert.ok(part.length <= max && part.trim() !== "");
      assert.equal(parts.map(withoutFences).join(""), withoutFences(text));
    }),
  );
});

test("property: in every part code blocks are closed, and characters are whole", () => {
  const characters = new Intl.Segmenter("en", { granularity: "grapheme" });
  const seen = (text: string) =>
    [...characters.segment(text)].map(({ segment }) => segment).filter((one) => one.trim());
  fc.assert(
    fc.property(markdown, limit, (text, max) => {
      const parts = splitText(text, max);
      for (const part of parts) assert.ok(balanced(part), part);
      assert.deepEqual(parts.map(withoutFences).flatMap(seen), seen(withoutFences(text)));
    }),
  );
});

test("property: a code span, a link or a word that fits is not cut", () => {
  fc.assert(
    fc.property(documentOf(...prose), limit, (text, max) => {
      const count = (one: string, wanted: string) => one.split(wanted).length - 1;
      for (const wanted of ["`code span`", "[a link](https://example.com/x)", "👩‍👩‍👧‍👦"]) {
        const found = splitText(text, max).reduce((sum, part) => sum + count(part, wanted), 0);
        assert.equal(found, count(text, wanted), wanted);
      }
    }),
  );
});

test("property: of any text without code blocks nothing is lost or moved, and no surrogate is left alone", () => {
  fc.assert(
    fc.property(noise, limit, (raw, max) => {
      const text = raw.replace(/```|~~~/g, "");
      const parts = splitText(text, max);
      for (const part of parts) assert.ok(part.length <= max && part.trim() !== "" && !lone.test(part));
      assert.equal(bare(parts.join("")), bare(text));
    }),
  );
});

test("property: any text at all ends within its limit, and what fits is left as it is", () => {
  fc.assert(
    fc.property(fc.oneof(noise, fc.string({ unit: "binary", maxLength: 500 })), limit, (text, max) => {
      const parts = splitText(text, max);
      for (const part of parts) {
        assert.ok(part.length <= max && part.trim() !== "");
        assert.deepEqual(splitText(part, max), [part]);
      }
      if (text.length <= max) assert.deepEqual(parts, text.trim() === "" ? [] : [text]);
    }),
  );
});

const filler = (length: number) => `${"word ".repeat(length / 5 - 1)}ends`;

test("the largest boundary in the second half of the room wins", () => {
  assert.deepEqual(splitText(`${filler(40)}\n\n${filler(20)}\n${filler(20)}`, 64), [
    filler(40),
    `${filler(20)}\n${filler(20)}`,
  ]);
  assert.deepEqual(splitText(`${filler(40)}. ${filler(40)}`, 64), [`${filler(40)}.`, filler(40)]);
  assert.deepEqual(splitText(`- ${filler(40)}\n- ${filler(15)}\n  ${filler(15)}`, 64), [
    `- ${filler(40)}`,
    `- ${filler(15)}\n  ${filler(15)}`,
  ]);
});

test("a heading goes with what it is above, a table's head with its first row", () => {
  assert.deepEqual(splitText(`${filler(40)}\n\n## About\n\n${filler(30)}`, 64), [
    filler(40),
    `## About\n\n${filler(30)}`,
  ]);
  const head = "| one | two |\n|-----|-----|\n| 1 | 2 |";
  assert.deepEqual(splitText(`${filler(40)}\n\n${head}`, 64), [filler(40), head]);
  assert.deepEqual(splitText(`${head}\n${"| 3 | 4 |\n".repeat(4)}`.trim(), 64), [
    `${head}\n| 3 | 4 |\n| 3 | 4 |`,
    "| 3 | 4 |\n| 3 | 4 |",
  ]);
});

test("a code block that is cut is closed and opened again as it was", () => {
  const code = "const a = 1;\nconst b = 2;\nconst c = 3;\nconst d = 4;\nconst e = 5;";
  const [first, second, ...more] = splitText(`\`\`\`\`ts title\n${code}\n\`\`\`\``, 64);
  assert.equal(first, "````ts title\nconst a = 1;\nconst b = 2;\nconst c = 3;\n````");
  assert.equal(second, "````ts title\nconst d = 4;\nconst e = 5;\n````");
  assert.deepEqual(more, []);
});

test("within a list the indent of a code block is kept, and its bullet is not repeated", () => {
  const parts = splitText(`- ~~~sh\n  ${filler(30)}\n  ${filler(30)}\n  ~~~`, 64);
  assert.deepEqual(parts, [`- ~~~sh\n  ${filler(30)}\n  ~~~`, `  ~~~sh\n  ${filler(30)}\n  ~~~`]);
});

test("what no break can save is cut between two characters", () => {
  const family = "👩‍👩‍👧‍👦";
  assert.deepEqual(splitText(family.repeat(10), 64), [family.repeat(5), family.repeat(5)]);
  assert.deepEqual(splitText("🇩🇪".repeat(20), 66), ["🇩🇪".repeat(16), "🇩🇪".repeat(4)]);
  const url = `https://example.com/${"a".repeat(100)}`;
  assert.equal(splitText(`See ${url}`, 124).join(" "), `See ${url}`);
});

test("a text without end is cut with a mark", () => {
  const parts = splitText("word ".repeat(100_000), 100);
  assert.equal(parts.length, 900);
  assert.match(parts.at(-1) ?? "", /word\n\n\[cut: too long\]$/);
  assert.ok(parts.every((part) => part.length <= 100));
});

test("a hostile text that is four times as long takes no more than some four times as long", () => {
  const timeOf = (unit: string, size: number) => {
    const text = `x${unit.repeat(size / unit.length)}x`;
    const runs = Array.from({ length: 5 }, () => {
      const before = process.threadCpuUsage();
      const parts = splitText(text, 4096);
      const { user, system } = process.threadCpuUsage(before);
      assert.ok(parts.every((part) => part.length <= 4096));
      return (user + system) / 1000;
    });
    return Math.min(...runs);
  };
  for (const unit of [
    "`",
    "\n",
    " ",
    "` ",
    "`a``b",
    "[a](",
    "```\na\n```\n",
    "- a\n",
    "\u0301",
    "👍",
    "|---",
    ".)",
    "~",
  ]) {
    // Time on a core, not on the clock. Sixteen where it grows with the square, and seconds; what takes next to nothing counts as
    // 20 ms, since compiling it anew and a collection of garbage take as long.
    const ratio = timeOf(unit, 200_000) / Math.max(timeOf(unit, 50_000), 20);
    assert.ok(ratio < 12, `${JSON.stringify(unit)}: ${ratio.toFixed(1)} times as long`);
  }
});
