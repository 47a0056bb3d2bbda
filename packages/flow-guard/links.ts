/**
 * Takes the life out of addresses in a text, so that nothing that shows it asks for them by itself: no preview, no
 * picture. What people read stays, as `evil·example/x`. The text never gets longer, and doing it again changes nothing.
 */

export interface Neutral {
  text: string;
  /** How many addresses, and words that hold one, were changed. */
  links: number;
}

/** `[label](address)` and its picture. */
const INLINE = /!?\[([^[\]\n]*)\]\(([^()\s]*(?:\([^()\s]*\)[^()\s]*)*)\)/g;
/** An address with a scheme, however many slashes it has: browsers mend those. */
const WITH_SCHEME = /(?:(?:https?|wss?|ftps?):|[a-z][a-z0-9+.-]{0,30}:[\\/]{2})[\\/]*[^\s\\/<>"'`]/gi;
const WITHOUT_SCHEME = /(?<![\p{L}\p{N}_:\\/])[\\/]{2,}[^\s\\/<>"'`]/gu;
/** What many platforms take for an address without a scheme: a name with its top level in letters, or four numbers. */
const BARE =
  /(?<![\p{L}\p{N}_@\\/]|[\p{L}\p{N}_][.-])(?:(?:[\p{L}\p{N}_][\p{L}\p{N}_-]{0,62}\.){1,30}\p{L}[\p{L}\p{N}-]{1,62}|(?:\d{1,3}\.){3}\d{1,3})\.?(?::\d+)?(?<tail>[/?#])?/gu;
/** A word that is longer, in UTF-16 code units, keeps no address. */
const LONGEST_WORD = 4_000;
/** Everything else is said quickly to hold none: a name of two parts with nothing behind it counts as none. */
const MAY_HOLD_ONE = /[:\\/&?#]|\.[^.]*\.|[^\x20-\x7e]/;
const ENTITY = /&(?:#(\d+)|#x([0-9a-f]+)|(colon|sol|bsol|period|amp|commat|tab|newline));/gi;
const NAMED: Record<string, string> = { colon: ":", sol: "/", bsol: "\\", period: ".", amp: "&", commat: "@" };

/** @param passes whether an address may stay as it is */
export function neutralise(text: string, passes: (url: URL) => boolean): Neutral {
  let links = 0;
  const inWords = (words: string) =>
    words.replace(/\S+/g, (word) => {
      const made = isHarmless(word, passes) ? word : broken(word);
      if (made !== word) links += 1;
      return made;
    });
  const plain = text.replace(INLINE, (whole, label: string, address: string) => {
    if (isHarmless(address, passes)) return whole;
    links += 1;
    return label.trim() === "" ? `(${broken(address)})` : `${label} (${broken(address)})`;
  });
  return { text: inWords(plain), links };
}

/** Whether every address in a word, in each way that something may read it, passes. */
function isHarmless(word: string, passes: (url: URL) => boolean): boolean {
  if (!MAY_HOLD_ONE.test(word)) return true;
  if (word.length > LONGEST_WORD) return false;
  return readings(word).every((reading) => [...addressesIn(reading)].every((url) => url !== null && passes(url)));
}

/** A word as it stands, and as Markdown and HTML read it: without escapes, references to characters, and what is not seen. */
function readings(word: string): string[] {
  const seen = word
    .normalize("NFKC")
    .replace(/[\p{Cf}\p{Cc}]/gu, "")
    .replaceAll("\u3002", ".");
  const decoded = seen.replace(ENTITY, (_, decimal?: string, hex?: string, name?: string) => {
    if (name) return NAMED[name.toLowerCase()] ?? "";
    const code = decimal ? Number.parseInt(decimal, 10) : Number.parseInt(hex ?? "", 16);
    return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : "";
  });
  return [...new Set([word, seen, decoded, seen.replaceAll("\\", ""), decoded.replaceAll("\\", "")])];
}

/** Null for what looks like an address and is none that can be judged. */
function* addressesIn(reading: string): Generator<URL | null> {
  for (const pattern of [WITH_SCHEME, WITHOUT_SCHEME]) {
    for (const { index } of reading.matchAll(pattern)) {
      yield URL.parse(`https://${restFrom(reading, index).replace(/^(?:[a-z][a-z0-9+.-]*:)?[\\/]*/i, "")}`);
    }
  }
  for (const { index, 0: name, groups } of reading.matchAll(BARE)) {
    // A name of two parts says nothing that was not known when it was registered, and is often a file's.
    const long = /\p{L}/u.test(name) && name.split(/\.(?=[^.:/?#])/).length > 2;
    if (long || groups?.tail) yield URL.parse(`https://${restFrom(reading, index)}`);
  }
}

const restFrom = (reading: string, at: number) => /^[^\s<>"'`|]*/.exec(reading.slice(at))?.[0] ?? "";

function broken(word: string): string {
  let text = word;
  for (let before = ""; before !== text; ) {
    before = text;
    text = text.replace(/(?:https?|wss?|ftps?):[\\/]*/gi, "");
  }
  return text
    .replace(/[.\u3002\uff0e\uff61\u2024]/g, "·")
    .replace(/[\\/]{2,}/g, (slashes) => "⁄".repeat(slashes.length))
    .replace(ENTITY, (entity) => `+${entity.slice(1)}`)
    .replaceAll("](", "] ");
}
