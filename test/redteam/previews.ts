/** What an eager platform asks for when it shows a text: addresses, pictures, names that look like a host. Written apart from the guard. */

export function previewed(text: string): URL[] {
  const read = text
    .replace(/&#(\d+);/g, (_, code: string) => String.fromCodePoint(Number(code)))
    .replace(/\\([/:.])/g, "$1");
  const found = [
    ...read.matchAll(/https?:\/\/[^\s<>"')\]]+/gi),
    ...read.matchAll(/\/\/[^\s<>"')\]]+/g),
    ...read.matchAll(/(?:[a-z0-9-]+\.)+[a-z]{2,}(?::\d+)?(?:\/[^\s<>"')\]]*)?/gi),
  ];
  return found.flatMap(([address]) => {
    const url = URL.parse(/^https?:/i.test(address) ? address : `https://${address.replace(/^\/\//, "")}`);
    return url ? [url] : [];
  });
}
