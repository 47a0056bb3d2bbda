/** Lists of headers: in the order and spelling in which they came, repeated ones too. Pure. */

export type Headers = [name: string, value: string][];

/** What is for one connection only (RFC 9110, 7.6.1), or for the proxy alone. */
const HOP_BY_HOP = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authentication-info",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "transfer-encoding",
  "upgrade",
  "http2-settings",
]);

export const hopByHop = (lowerName: string) => HOP_BY_HOP.has(lowerName);

/** From Node's flat list. */
export function listed(raw: readonly string[]): Headers {
  const headers: Headers = [];
  for (let at = 0; at + 1 < raw.length; at += 2) headers.push([raw[at] ?? "", raw[at + 1] ?? ""]);
  return headers;
}

export function valuesOf(headers: Headers, lowerName: string): string[] {
  return headers.flatMap(([name, value]) => (name.toLowerCase() === lowerName ? [value] : []));
}

/** As Node's HTTP takes them: repeated ones as a list, under the name that came first. */
export function grouped(headers: Headers, lowerCase = false): Record<string, string | string[]> {
  const groups = new Map<string, [name: string, values: string[]]>();
  for (const [name, value] of headers) {
    const lower = name.toLowerCase();
    const group = groups.get(lower);
    if (group) group[1].push(value);
    else groups.set(lower, [lowerCase ? lower : name, [value]]);
  }
  return Object.fromEntries(
    [...groups.values()].map(([name, values]) => [name, values.length === 1 ? (values[0] ?? "") : values]),
  );
}

/** What goes back to the client of a server's headers. */
export function passedBack(headers: Headers): Headers {
  const named = valuesOf(headers, "connection").flatMap((value) => value.toLowerCase().split(/\s*,\s*/));
  return headers.filter(([name]) => {
    const lower = name.toLowerCase();
    // Alt-Svc leads clients away from the proxy; the other is the door's own word.
    return (
      !lower.startsWith(":") &&
      !hopByHop(lower) &&
      !named.includes(lower) &&
      lower !== "alt-svc" &&
      lower !== "x-nanoclaw"
    );
  });
}
