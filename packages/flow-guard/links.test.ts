import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { neutralise } from "./links.ts";

const own = (url: URL) => url.hostname === "good.example.org" || url.hostname.endsWith(".own.example.org");
const plain = (text: string) => neutralise(text, own).text;

test("an address that does not pass goes out as words; what people read stays", () => {
  const cases: [string, string][] = [
    ["see https://evil.example/x?d=1.2 now", "see evil·example/x?d=1·2 now"],
    ["[the docs](https://evil.example/?d=s)", "the docs (evil·example/?d=s)"],
    ["![](https://evil.example/?d=s)", "(evil·example/?d=s)"],
    ["![chart](//evil.example/p.png)", "chart (⁄⁄evil·example/p·png)"],
    ["<https://evil.example/s>", "<evil·example/s>"],
    ["[a]: http://evil.example:8080/s", "[a]: evil·example:8080/s"],
    ["secret.evil.example", "secret·evil·example"],
    ["evil.example/secret,", "evil·example/secret,"],
    ["203.0.113.9/secret", "203·0·113·9/secret"],
    ["https:evil.example/s", "evil·example/s"],
    ['<img src="https://evil.example/s">', '<img src="evil·example/s">'],
    ["tg://resolve?domain=evil", "tg:⁄⁄resolve?domain=evil"],
  ];
  for (const [text, expected] of cases) assert.equal(plain(text), expected);
});

test("tricks of notation are seen through", () => {
  for (const text of [
    "![x](https:\\/\\/evil.example/s)",
    "![x](https&#58;//evil&#46;example/s)",
    "![x](&#x68;ttps&colon;&sol;&sol;evil&period;example&sol;s)",
    "https://good.example.org@evil.example/s",
    "https://evil.example\\.own.example.org/s",
    "https://good.example.org/)https://evil.example/s",
    "https://evil。example/s",
    "ht\u200btps://evil.example/s",
    "hthttps://tps://evil.example/s",
    "EVIL.Example/s",
    "see:evil.example/s",
    "well...evil.example/s",
    "https://[2001:db8::1]/s",
    "//3405803785/s",
  ]) {
    const { text: made, links } = neutralise(text, own);
    assert.ok(links > 0 && !/:\/\/|^\/\/|\]\(|evil[.。]example|&#|&sol/i.test(made), `${text} became ${made}`);
  }
});

test("what passes stays, and so does what is no address", () => {
  for (const text of [
    "https://good.example.org/a?b=c, [docs](https://x.own.example.org/y(z)) and good.example.org/z",
    "Look at README.md, src/main.ts, v1.2.3 and 10.0.0.1; write to ann@mail.example.org. Done…",
    "a: b // c\n```ts\nconst half = a / b; // fine\n```\nAT&T; R&D, either/or, 12:30, e.g. this.",
  ]) {
    assert.deepEqual(neutralise(text, own), { text, links: 0 });
  }
});

/** Pieces that addresses and Markdown are made of, joined in any order. */
const piece = fc.constantFrom(
  ..."https:// http: // / \\ . evil.example good.example.org x.y.z [a]( ) ![ ] < > &#46; &sol; 。 @ ? # : s ` ' \n wss:// _ -".split(
    " ",
  ),
  " ",
  "\u200b",
);
const text = fc.array(piece, { maxLength: 30 }).map((pieces) => pieces.join(""));
const anything = fc.oneof(text, fc.string({ unit: "binary", maxLength: 200 }));

test("a text never gets longer, and doing it again changes nothing", () => {
  fc.assert(
    fc.property(anything, (text) => {
      const once = plain(text);
      assert.ok(once.length <= text.length);
      assert.deepEqual(neutralise(once, own), { text: once, links: 0 });
    }),
    { numRuns: 5_000 },
  );
});

test("nothing that a simple linkifier finds afterwards leads elsewhere", () => {
  fc.assert(
    fc.property(anything, (text) => {
      for (const [address] of plain(text).matchAll(/\bhttps?:\/\/[^\s<>"'`|]+/gi)) {
        const url = URL.parse(address);
        assert.ok(url === null || own(url), `${text} -> ${address}`);
      }
    }),
    { numRuns: 5_000 },
  );
});

test("a long text takes little time, whatever it is made of", () => {
  for (const unit of ["a.", "https:", "[", "](", "//", "&#46;", "x/"]) {
    const before = process.threadCpuUsage();
    neutralise(unit.repeat(100_000 / unit.length), own);
    const { user } = process.threadCpuUsage(before);
    assert.ok(user < 2_000_000, `${unit} took ${user} microseconds on a core`);
  }
});
