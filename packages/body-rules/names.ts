/** Lists of names in bundles: one that ends in `*` stands for all that begin like it. */
export function isListed(list: readonly string[], name: string): boolean {
  return list.some((entry) => (entry.endsWith("*") ? name.startsWith(entry.slice(0, -1)) : entry === name));
}
