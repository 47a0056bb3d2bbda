/** Whether the database still is what its heads say, judged at the start without reading the whole log. Pure. */
import type { Head } from "../../packages/audit-chain/head.ts";

export interface Standing {
  /** The last record; 0 for an empty log. */
  last: number;
  /** Hash of a record, hexadecimal; null where there is none. */
  hashOf(seq: number): string | null;
  inDatabase: readonly Head[];
  inFile: readonly Head[];
}

/** @returns what is wrong, in words; empty where a host that was killed at any moment explains it */
export function compare({ last, hashOf, inDatabase, inFile }: Standing): string[] {
  const counterOf = (heads: readonly Head[]) => heads.at(-1)?.counter ?? 0;
  const ahead = counterOf(inFile) - counterOf(inDatabase);
  const wrong: string[] = [];
  for (const head of [inDatabase.at(-1), inFile.at(-1)]) {
    if (!head) continue;
    const { counter, seq, hash } = head;
    if (seq > last)
      wrong.push(
        `signed head ${counter} covers record ${seq}, and the log ends with ${last}: its end was cut off, or an older database was put back`,
      );
    else if (hashOf(seq) !== hash)
      wrong.push(
        `signed head ${counter} signed another record ${seq}: the log was written anew, or an older database was put back and went on`,
      );
  }
  // The database has a head first, so between the two a host may have died.
  if (wrong.length === 0 && ahead > 0)
    wrong.push(
      `the database knows heads up to ${counterOf(inDatabase)}, and the file of heads up to ${counterOf(inFile)}: the table of heads was changed`,
    );
  if (wrong.length === 0 && ahead < -1 && inFile.length > 0)
    wrong.push(
      `the file of heads ends with ${counterOf(inFile)}, and the database knows ${counterOf(inDatabase)}: an older file was put back`,
    );
  return [...new Set(wrong)];
}

/** What both places know, by counter. Where they differ the file is believed: the data can't reach it. */
export function merged(inDatabase: readonly Head[], inFile: readonly Head[]): Head[] {
  const byCounter = new Map([...inDatabase, ...inFile].map((head) => [head.counter, head]));
  return [...byCounter.values()].sort((a, b) => a.counter - b.counter);
}
