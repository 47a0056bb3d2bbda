/**
 * Paths of requests and patterns of paths. Servers don't agree on what a path says (escapes, `//`, `;`), so a request has
 * every reading that one may give it, and a path that could climb has none.
 */

/** A path as its segments, each in its one escaped form: empty ones left out, so a slash at the end says nothing. */
export type Reading = string[];

/** How often a path may have been escaped over. */
const MOST_LAYERS = 4;

/** @returns why no rule can be applied to it; or what servers may read, what it says first */
export function readPath(target: string): { readings: [Reading, ...Reading[]] } | { why: string } {
  const [path = ""] = target.split("?", 1);
  if (!/^\/[\x21\x22\x24-\x5b\x5d-\x7e]*$/.test(path)) return { why: "its path is not written as URLs are" };
  if (/%(?![0-9a-f]{2})/i.test(path)) return { why: "its path has a broken escape" };
  const found = new Map<string, Reading>();
  let segments = path.slice(1).split("/");
  for (let layer = 0; ; layer++) {
    if (layer === MOST_LAYERS) return { why: "its path is escaped over and over" };
    const once = segments.map(decoded);
    const apart = once.flatMap((segment) => segment.split(/[/\\]/));
    for (const form of [once, apart, apart.map(withoutParameters)]) {
      if (form.some(climbs)) return { why: "its path has a segment of dots" };
      if (form.some(hasControl)) return { why: "its path hides a control character" };
      const reading = form.filter(Boolean).map(encoded);
      found.set(reading.join("/"), reading);
    }
    if (!apart.some((segment) => ESCAPE.test(segment))) break;
    segments = apart;
  }
  const [first = [], ...others] = found.values();
  return { readings: [first, ...others] };
}

export interface PathPattern {
  /** `null` stands for any one segment. */
  segments: (string | null)[];
  /** Whatever follows is meant too, also nothing. */
  rest: boolean;
}

/** @returns null where it is no pattern: `*` is one whole segment, `**` the rest, all else is taken as it is */
export function parsePath(text: string): PathPattern | null {
  if (!/^\/[\x21\x22\x24-\x3e\x40-\x5b\x5d-\x7e]*$/.test(text) || /%(?![0-9a-f]{2})/i.test(text)) return null;
  const parts = text.slice(1).split("/").filter(Boolean);
  const rest = parts.at(-1) === "**";
  const plain = rest ? parts.slice(0, -1) : parts;
  if (plain.some((part) => part !== "*" && (part.includes("*") || climbs(decoded(part)) || hasControl(decoded(part)))))
    return null;
  return { segments: plain.map((part) => (part === "*" ? null : encoded(decoded(part)))), rest };
}

/** The one way to write a pattern. */
export const showPath = ({ segments, rest }: PathPattern): string =>
  `/${[...segments.map((segment) => segment ?? "*"), ...(rest ? ["**"] : [])].join("/")}`;

/** @param caseless whether upper and lower case are the same, as they are to many servers */
export function matchesPath({ segments, rest }: PathPattern, reading: Reading, caseless: boolean): boolean {
  if (rest ? reading.length < segments.length : reading.length !== segments.length) return false;
  return segments.every((wanted, index) => {
    const given = reading[index] ?? "";
    return wanted === null || wanted === given || (caseless && wanted.toLowerCase() === given.toLowerCase());
  });
}

/** Above 0 where `one` says more than `other`: the first segment in which they differ decides, named before any before the rest. */
export function comparePaths(one: PathPattern, other: PathPattern): number {
  const length = Math.max(one.segments.length, other.segments.length);
  for (let index = 0; index <= length; index++) {
    const more = weight(one, index) - weight(other, index);
    if (more !== 0) return more;
  }
  return 0;
}

function weight({ segments, rest }: PathPattern, index: number): number {
  const segment = segments[index];
  if (segment === undefined) return index === segments.length && rest ? 0 : 1;
  return segment === null ? 2 : 3;
}

const ESCAPE = /%[0-9a-f]{2}/i;
const decoded = (text: string) =>
  text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
/** A star is escaped as well: as itself it only stands in patterns. */
const encoded = (text: string) =>
  text.replace(
    /[^A-Za-z0-9\-._~!$&'()+,;=:@]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`,
  );
const withoutParameters = (segment: string) => segment.split(";", 1)[0] ?? "";
const climbs = (segment: string) => /^\.{1,2}(;|$)/.test(segment);
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const hasControl = (segment: string) => /[\x00-\x1f\x7f]/.test(segment);
