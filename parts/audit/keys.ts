/** The key pair that signs heads, in the config folder: outside the project, the data and every mount. */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { keyId } from "../../packages/audit-chain/head.ts";
import { messageOf } from "../../src/lib/errors.ts";

export interface Keys {
  /** Null where it can't be used: then nothing is signed. */
  privateKey: KeyObject | null;
  /** The present one first, then those of keys that were lost. */
  publicKeys: KeyObject[];
  /** Where the present public key is. */
  publicFile: string;
  /** Made just now. */
  fresh: boolean;
  /** What a person should hear, in words. */
  troubles: string[];
}

/** Opens the pair in `dir`, or makes it. A key that is there and can't be used is left as it is. */
export function openKeys(dir: string): Keys {
  const privateFile = join(dir, "audit.key");
  const publicFile = join(dir, "audit.pub");
  const troubles: string[] = [];
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const fresh = !existsSync(privateFile);
  if (fresh) {
    const { privateKey } = generateKeyPairSync("ed25519");
    writeFileSync(privateFile, privateKey.export({ type: "pkcs8", format: "pem" }), {
      mode: 0o600,
      flag: "wx",
      flush: true,
    });
  } else if ((statSync(privateFile).mode & 0o077) !== 0) {
    chmodSync(privateFile, 0o600);
    troubles.push(`others could read the key ${privateFile}; I made it private`);
  }
  let privateKey: KeyObject | null = null;
  try {
    privateKey = createPrivateKey(readFileSync(privateFile));
    if (privateKey.asymmetricKeyType !== "ed25519") throw new Error("it is no Ed25519 key");
    keepPublic(dir, publicFile, privateKey);
  } catch (error) {
    privateKey = null;
    const next = "Put it back from a backup, or move it away: then a new one is made at the next start.";
    troubles.push(
      `the key ${privateFile} can't be used (${messageOf(error)}), so the audit log is not signed. ${next}`,
    );
  }
  const present = privateKey ? [createPublicKey(privateKey)] : [];
  const known = new Set(present.map(keyId));
  const former = publicIn(dir).filter((key) => !known.has(keyId(key)));
  return { privateKey, publicKeys: [...present, ...former], publicFile, fresh, troubles };
}

/** Writes the public key beside the private one; that of another pair is kept under its own name. */
function keepPublic(dir: string, file: string, privateKey: KeyObject): void {
  const text = createPublicKey(privateKey).export({ type: "spki", format: "pem" }).toString();
  const there = existsSync(file) ? readFileSync(file, "utf8") : null;
  if (there === text) return;
  const other = there === null ? null : publicKeyOf(there);
  if (other) renameSync(file, join(dir, `audit-${keyId(other)}.pub`));
  writeFileSync(file, text, { mode: 0o644 });
}

const publicIn = (dir: string): KeyObject[] =>
  readdirSync(dir)
    .filter((name) => /^audit(-[0-9a-f]{16})?\.pub$/.test(name))
    .flatMap((name) => publicKeyOf(readFileSync(join(dir, name), "utf8")) ?? []);

function publicKeyOf(pem: string): KeyObject | null {
  try {
    return createPublicKey(pem);
  } catch {
    return null;
  }
}
