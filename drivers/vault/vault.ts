/**
 * Credentials at rest: sealed with AES-256-GCM under a random key that lives in a 0600 file outside the project and
 * outside every mount. A secret is bound to its name and kind, so that a sealed value can't be moved to another row.
 */
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { chmodSync, closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { Misuse } from "../../src/lib/errors.ts";
import type { Database } from "../../src/lib/sqlite.ts";
import type { Credential, CredentialKind, Vault } from "../../src/vault/vault.ts";

const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Reads the key file, or makes it when there is none and nothing was sealed yet. */
export function vaultKey(file: string, mayCreate: boolean): Buffer {
  let key: Buffer;
  try {
    key = readFileSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    if (!mayCreate) {
      throw new Misuse(
        `the vault's key ${file} is missing, and credentials are sealed with it`,
        "Put the key file back from a backup, or remove the credentials (`ncl credentials remove`) and set them again.",
      );
    }
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    key = randomBytes(KEY_BYTES);
    // It gets its name when it is whole, and the name is durable before anything is sealed with it.
    writeFileSync(`${file}.new`, key, { mode: 0o600, flush: true });
    renameSync(`${file}.new`, file);
    const folder = openSync(dirname(file), "r");
    fsyncSync(folder);
    closeSync(folder);
  }
  if (key.length !== KEY_BYTES) {
    throw new Misuse(`the vault's key ${file} is damaged (${key.length} bytes)`, "Put it back from a backup.");
  }
  chmodSync(file, 0o600);
  return key;
}

export class SealedVault implements Vault {
  readonly #db: Database;
  readonly #keyFile: string;
  #key: Buffer | null = null;

  /** @param keyFile read when the first secret is needed, so that a missing key stops nothing else. */
  constructor(db: Database, keyFile: string) {
    this.#db = db;
    this.#keyFile = keyFile;
  }

  put(name: string, kind: CredentialKind, secret: string, now: number): void {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv("aes-256-gcm", this.#openKey(), nonce).setAAD(boundTo(name, kind));
    const body = Buffer.concat([cipher.update(secret, "utf8"), cipher.final()]);
    this.#db.run(
      "INSERT OR REPLACE INTO credentials (name, kind, sealed, created_at) VALUES (?,?,?,?)",
      ...[name, kind, Buffer.concat([nonce, cipher.getAuthTag(), body]), now],
    );
  }

  /** The secret itself, for the gateway alone. @throws Misuse when the key is missing or wrong. */
  reveal(name: string): { kind: CredentialKind; secret: string } | null {
    const row = this.#db.get<{ kind: CredentialKind; sealed: Uint8Array }>(
      "SELECT kind, sealed FROM credentials WHERE name=?",
      name,
    );
    if (!row) return null;
    const sealed = Buffer.from(row.sealed);
    const nonce = sealed.subarray(0, NONCE_BYTES);
    const tag = sealed.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES);
    const decipher = createDecipheriv("aes-256-gcm", this.#openKey(), nonce).setAAD(boundTo(name, row.kind));
    try {
      decipher.setAuthTag(tag);
      const secret = Buffer.concat([decipher.update(sealed.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()]);
      return { kind: row.kind, secret: secret.toString("utf8") };
    } catch {
      throw new Misuse(
        `credential "${name}" can't be opened: the vault's key does not fit, or the data is damaged`,
        `Set it again with \`ncl credentials set ${name}\`, or restore the key file ${this.#keyFile}.`,
      );
    }
  }

  /** What is there, without the secrets. */
  list(): Credential[] {
    return this.#db.all("SELECT name, kind, created_at AS createdAt FROM credentials ORDER BY name");
  }

  remove(name: string): boolean {
    return this.#db.run("DELETE FROM credentials WHERE name=?", name) === 1;
  }

  #openKey(): Buffer {
    this.#key ??= vaultKey(this.#keyFile, this.list().length === 0);
    return this.#key;
  }
}

const boundTo = (name: string, kind: CredentialKind) => Buffer.from(JSON.stringify([name, kind]));
